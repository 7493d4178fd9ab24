import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { openContainer, openNeighbour } from './containers.ts'
import { isRoot, openScene, openToAll, otherUid, until, type Scene } from './program.ts'

/* Docker sockets that refuse, hang or talk nonsense: each is named with a remedy, and the other inputs go on. */

interface Case {
  /** Makes what stands at the path. */
  make?: (path: string) => Server | void
  told: RegExp
}

const http = (listener: RequestListener) => () => createHttpServer(listener)

const cases: Record<string, Case> = {
  'is not there': { told: /\(ENOENT\): is Docker installed and running\?/ },
  'is a file': { make: (path) => writeFileSync(path, ''), told: /\(ENOTSOCK\): this is no socket/ },
  'is a folder': { make: (path) => mkdirSync(path), told: /\(ENOTSOCK\): this is no socket/ },
  'was left by a daemon that died': {
    make: leaveSocket,
    told: /\(ECONNREFUSED\): start the Docker daemon/,
  },
  'closes at once': {
    make: () => createServer((socket) => socket.destroy()),
    told: /does not answer.*is this the socket of a Docker daemon/,
  },
  'talks another protocol': {
    make: () => createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')),
    told: /does not answer.*is this the socket of a Docker daemon/,
  },
  'answers HTML': {
    make: http((_, response) => response.end('<html>Welcome to nginx!</html>')),
    told: /GET \/info did not answer with JSON: is this the socket of a Docker daemon/,
  },
  'answers {} to everything': {
    make: http((_, response) => response.end('{}')),
    told: /GET \/containers\/json\S* did not answer with a list: is this the socket/,
  },
  'answers 500': {
    make: http((_, response) => response.writeHead(500).end('{"message":"disk on fire"}')),
    told: /answered 500 to \/info: disk on fire: look into the log of the Docker daemon/,
  },
  'answers 404 to everything': {
    make: http((_, response) => response.writeHead(404).end('{"message":"page not found"}')),
    told: /GET \/containers\/json\S* did not answer with a list: is this the socket/,
  },
  'takes the question and says nothing': {
    make: () => createServer(() => {}),
    told: /no answer within 15 s\): it hangs, or is very busy/,
  },
}

/** A socket nobody listens on. */
function leaveSocket(path: string): void {
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', script, path])
}

async function makeSocket(scene: Scene, path: string, make: Case['make']): Promise<void> {
  const server = make?.(path)
  if (!server) return
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  scene.later(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
}

test('Docker sockets of every bad kind are told; files are read, an alert fires meanwhile', async (t) => {
  const scene = openScene(t)
  const root = join(scene.dir, 'containers')
  mkdirSync(root)
  const neighbour = openNeighbour(root)
  const ill = openContainer(root, 'ill')
  const complain = setInterval(() => ill.line('level=error it does not work'), 200)
  t.teardown(() => {
    clearInterval(complain)
    neighbour.stop()
  })
  const named = Object.entries(cases).map(([name, one], index) => {
    return { name, ...one, path: join(scene.dir, `${index}.sock`) }
  })
  for (const { path, make } of named) await makeSocket(scene, path, make)
  const program = await scene.start({
    collectors: { docker: [{ root }, ...named.map(({ path }) => ({ socket: path }))] },
    evaluation: { interval: '1s', resolution: '1s' },
    signals: { errors: { where: 'level:error', measure: 'count', over: '5s', by: ['service'] } },
    alerts: [{ alert: 'Errors', when: 'errors > 2' }],
  })

  await neighbour.isWhole(program)
  for (const [index, { name, path, told }] of named.entries()) {
    const trouble = await until(`health tells of a socket that ${name}`, () =>
      program.trouble(`collector docker-${index + 2}`),
    )
    t.true(trouble.includes(path), trouble)
    t.regex(trouble, told, name)
    t.regex(trouble, /it is tried again/i, name)
  }
  t.is(await program.trouble('collector docker'), undefined)
  t.is((await program.health()).status, 'amber')
  await neighbour.isWhole(program)
  await until('the alert fires', async () => {
    const { alerts } = await program.get('/api/alerts')
    return alerts.find(({ state, service }) => state === 'firing' && service === '/bad/ill')
  })
  t.is(await program.stop(), 0)
})

test('a socket beside a folder that can be read: the lines flow, the socket is named', async (t) => {
  const scene = openScene(t)
  openToAll(scene.dir)
  const root = join(scene.dir, 'containers')
  mkdirSync(root)
  const neighbour = openNeighbour(root)
  t.teardown(() => neighbour.stop())
  const socket = join(scene.dir, 'docker.sock')
  await makeSocket(
    scene,
    socket,
    http((_, response) => response.end('[]')),
  )
  chmodSync(socket, 0o600)
  // Root may use any socket.
  const program = await scene.start(
    { collectors: { docker: [{ root, socket: isRoot ? socket : join(scene.dir, 'none') }] } },
    isRoot ? { spawn: { uid: otherUid } } : {},
  )
  await neighbour.isWhole(program)
  const told = await until('health tells', () => program.trouble('collector docker'))
  if (isRoot)
    t.true(told.includes(`${socket} (EACCES): run as root or as a member of the group`), told)
  else t.regex(told, /ENOENT/)
  await neighbour.isWhole(program)
  t.is(await program.stop(), 0)
})

test('the containers folder goes away and comes back, with a container that is new', async (t) => {
  const scene = openScene(t)
  const root = join(scene.dir, 'containers')
  mkdirSync(root)
  const before = openContainer(root, 'before')
  before.line('the first')
  const files = join(scene.dir, 'other.log')
  writeFileSync(files, 'a plain line\n')
  const program = await scene.start({
    collectors: { docker: [{ root }], files: [{ paths: [files], service: 'plain' }] },
  })
  const messages = async (service: string) =>
    (await program.lines(service)).map(({ message }) => message)
  await until('it is read', async () => (await messages('/bad/before')).length === 1 || undefined)

  renameSync(root, `${root}.away`)
  const told = await until('health names the folder', () => program.trouble('collector docker'))
  t.true(told.includes(`${root} cannot be listed (ENOENT): is this the`), told)
  writeFileSync(files, 'another plain line\n', { flag: 'a' })
  await until('plain files flow', async () => (await messages('plain')).length === 2 || undefined)

  renameSync(`${root}.away`, root)
  before.line('the second')
  openContainer(root, 'new').line('of the new one')
  await until('both are read', async () => {
    const isThere = (await messages('/bad/new')).length === 1
    return (isThere && (await messages('/bad/before')).length === 2) || undefined
  })
  t.deepEqual(await messages('/bad/before'), ['the first', 'the second'])
  t.is(await program.trouble('collector docker'), undefined)

  rmSync(root, { recursive: true })
  mkdirSync(root)
  openContainer(root, 'again').line('of a folder made anew')
  await until('it is read', async () => (await messages('/bad/again')).length === 1 || undefined)
  t.deepEqual((await program.get('/api/gaps')).gaps, [])
  t.deepEqual((await program.get('/api/dead')).dead, [])
  t.is(await program.stop(), 0)
})
