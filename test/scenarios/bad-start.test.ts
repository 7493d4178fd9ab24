import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import {
  isRoot,
  mesoscope,
  openScene,
  openToAll,
  otherUid,
  until,
  type Program,
  type Scene,
} from './program.ts'

/* What keeps the program from starting is told in one go, with the thing and the remedy, and by the exit code. */

function written(scene: Scene, settings: string | Buffer | object, name = 'config.yaml'): string {
  const file = join(scene.dir, name)
  const isBytes = typeof settings === 'string' || Buffer.isBuffer(settings)
  writeFileSync(file, isBytes ? settings : JSON.stringify(settings))
  return file
}

test('wrong settings: exit code 2, every fault with file and line, nothing was started', async (t) => {
  const scene = openScene(t)
  const data = join(scene.dir, 'data')
  const file = written(
    scene,
    `data: ${data}
listen: { port: 99999 }
colectors: {}
spool: { max_bytes: lots }
signals:
  errors: { where: 'level:(', measure: rate }
alerts:
  - { alert: Broken, when: 'errors >' }
  - { alert: Odd, when: nosuch > 1 }
mail: { host: localhost, to: [nobody], password: '\${NOT_SET_HERE}' }
`,
  )
  const { code, stderr } = await mesoscope(['run', '--config', file])
  t.is(code, 2)
  for (const [line, part] of [
    [2, 'listen.port: expected a whole number from 0 to 65535, got 99999'],
    [3, 'colectors: is not a setting; did you mean collectors?'],
    [4, 'spool.max_bytes: expected a size like 256KiB'],
    [6, 'signals.errors.where: cannot read the query'],
    [8, 'alerts[0].when: cannot read the condition'],
    [9, 'alerts[1].when: there is no signal nosuch'],
    [10, 'mail.to[0]: expected a mail address'],
    [10, 'mail.password: the environment has no NOT_SET_HERE: set it'],
  ] as const) {
    t.true(stderr.includes(`${file}:${line}: ${part}`), `${part} in ${stderr}`)
  }
  t.false(existsSync(data))
})

for (const [what, bytes, told] of [
  ['is not there', undefined, /cannot read .*config\.yaml \(ENOENT\): name a readable file/],
  ['is not UTF-8', Buffer.from([0x61, 0x3a, 0xff]), /config\.yaml is not UTF-8: save it as UTF-8/],
  ['is nested without end', '['.repeat(10_000), /config\.yaml:1: not YAML/],
  ['holds escape sequences', '"\\e[31m<script>": 1\n', /config\.yaml:1: .*is not a setting/],
] as const) {
  test(`a settings file that ${what}: exit code 2`, async (t) => {
    const scene = openScene(t)
    const file = bytes === undefined ? join(scene.dir, 'config.yaml') : written(scene, bytes)
    const { code, stderr } = await mesoscope(['run', '--config', file])
    t.is(code, 2)
    t.regex(stderr, told)
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    t.notRegex(stderr, /[\x00-\x09\x0b-\x1f]/)
  })
}

test('a port in use, or an address that is not here: exit code 1, told; the data directory is free again', async (t) => {
  const scene = openScene(t)
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void other.close())
  const { port } = other.address() as AddressInfo
  const file = written(scene, { data: join(scene.dir, 'data'), listen: { port } })
  const taken = await mesoscope(['run', '--config', file])
  t.is(taken.code, 1)
  t.regex(taken.stderr, new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use: stop what uses it`))

  const listen = { port: 0, host: '192.0.2.1', token: 'a-token-of-some-length' }
  const elsewhere = written(scene, { data: join(scene.dir, 'data'), listen }, 'elsewhere.yaml')
  const refused = await mesoscope(['run', '--config', elsewhere])
  t.is(refused.code, 1)
  t.regex(refused.stderr, /this machine has no address 192\.0\.2\.1: listen on/)

  const program = await scene.start(collecting(scene))
  await untilWell(t, program)
  t.is(await program.stop(), 0)
})

test('a data directory of a newer version is left as it is', async (t) => {
  const scene = openScene(t)
  const data = join(scene.dir, 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'version'), '99\n')
  const file = written(scene, { data, listen: { port: 0 } })
  for (const args of [[], ['--fresh']]) {
    const { code, stderr } = await mesoscope(['run', '--config', file, ...args])
    t.is(code, 1)
    t.regex(stderr, /written by a newer version of mesoscope \(data version 99, .*run that version/)
    t.true(stderr.includes(data))
    t.deepEqual(readdirSync(data), ['version'])
  }
})

test('a data directory that another process owns: who it is, and it goes on', async (t) => {
  const scene = openScene(t)
  const program = await scene.start(collecting(scene))
  const file = written(scene, { data: program.data, listen: { port: 0 } })
  const ways = [
    ['run', '--config', file],
    ['run', '--config', file, '--fresh'],
  ]
  for (const args of [...ways, ['demo', '--fresh', '--port', '0', '--data', program.data]]) {
    const { code, stderr } = await mesoscope(args)
    t.is(code, 1)
    t.true(
      stderr.includes(`${program.data} is in use by another mesoscope (process ${program.pid})`),
    )
    t.regex(stderr, /stop it, or give this one a directory of its own with --data/)
  }
  await untilWell(t, program)
  t.is(await program.stop(), 0)
})

/** Without a collector nobody says how far time has come, and rules are behind after half a minute. */
const collecting = ({ dir }: Scene) => ({ collectors: { docker: [{ root: dir }] } })

async function untilWell(t: ExecutionContext, program: Program): Promise<void> {
  const isWell = async () => (await program.health()).status === 'green' || undefined
  t.true(await until('it is well', isWell))
}

test('a data directory that is a file, or whose databases are garbage', async (t) => {
  const scene = openScene(t)
  const start = (data: string) =>
    mesoscope(['run', '--config', written(scene, { data, listen: { port: 0 } })])
  const plain = join(scene.dir, 'file')
  writeFileSync(plain, 'x')
  for (const data of [plain, join(plain, 'below')]) {
    const { code, stderr } = await start(data)
    t.is(code, 1)
    t.regex(stderr, /cannot use .*file.* as the data directory: \w+: there is a file in its place/)
  }
  for (const database of ['bus/bus.db', 'spool/spool.db', 'owner.lock']) {
    const data = join(scene.dir, database.replace('/', '-'))
    const path = join(data, database)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, 'this is no database '.repeat(500))
    const { code, stderr } = await start(data)
    t.is(code, 1)
    t.true(stderr.includes(`${path} is damaged: move it away`), stderr)
  }
})

const asOther = isRoot ? test : test.skip
asOther(
  'a data directory that may not be written: the file and what to do (needs root)',
  async (t) => {
    const scene = openScene(t)
    openToAll(scene.dir)
    for (const closed of ['', 'bus', 'spool', 'store']) {
      const data = join(scene.dir, `data-${closed}`)
      mkdirSync(join(data, closed), { recursive: true })
      if (closed !== '') openToAll(data)
      const file = written(scene, { data, listen: { port: 0 } }, `${closed}.yaml`)
      const { code, stderr } = await mesoscope(['run', '--config', file], { uid: otherUid })
      t.is(code, 1, closed)
      t.true(stderr.includes(join(data, closed)), stderr)
      t.regex(stderr, /writable|give this user the right/)
    }
  },
)

test('--fresh takes away what is of Mesoscope, and nothing else that lies in its directory', async (t) => {
  const scene = openScene(t)
  const data = join(scene.dir, 'data')
  mkdirSync(join(data, 'store'), { recursive: true })
  writeFileSync(join(data, 'thesis.txt'), 'ten years')
  writeFileSync(join(data, 'store', '2020-01-01.db'), 'what an earlier start left')
  const program = await scene.start({ data }, { args: ['--fresh'] })
  t.true(existsSync(join(data, 'thesis.txt')))
  t.false(existsSync(join(data, 'store', '2020-01-01.db')))
  t.is(await program.stop(), 0)
})
