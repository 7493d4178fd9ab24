import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { SMTPServer } from 'smtp-server'
import { checkNode } from '../../cli/examine.ts'
import { directory, openTerminal } from './terminal.ts'

async function listening(t: ExecutionContext, server: Server, at: string | number) {
  await new Promise<void>((resolve) => {
    server.listen(at as number, resolve)
  })
  t.teardown(() => void server.close())
  return server.address() as AddressInfo
}

async function mailServer(t: ExecutionContext): Promise<number> {
  const smtp = new SMTPServer({
    allowInsecureAuth: true,
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) =>
      username === 'u' && password === 'hunter2'
        ? done(null, { user: username })
        : done(new Error('wrong password')),
  })
  smtp.on('error', () => {})
  return (await listening(t, smtp.server, 0)).port
}

/** A port on which nobody listens any more. */
async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}

test('all is well where everything is there', async (t) => {
  const dir = directory(t)
  const socket = join(dir, 'docker.sock')
  const asked: string[] = []
  const docker = createServer((request, response) => {
    asked.push(String(request.url))
    response.end('OK')
  })
  await listening(t, docker, socket)
  mkdirSync(join(dir, 'containers'))
  const config = join(dir, 'm.yaml')
  writeFileSync(
    config,
    `data: ${dir}/state
spool: { max_bytes: 1MiB }
collectors: { docker: [{ root: ${dir}/containers, socket: ${socket} }] }
mail: { host: 127.0.0.1, port: ${await mailServer(t)}, user: u, password: hunter2 }
`,
  )
  const { out, err, code } = await openTerminal().run('doctor', '--config', config)
  t.notRegex(out, /BAD/)
  t.is(err, '')
  t.is(code, 0)
  t.deepEqual(asked, ['/_ping'])
  for (const name of [
    'settings',
    'node',
    'sqlite',
    'data directory',
    'docker files',
    'docker socket',
    'mail server',
  ]) {
    t.regex(out, new RegExp(`^ok {4}${name}: `, 'm'))
  }
})

test('what is missing is named, with what to do, and nothing secret', async (t) => {
  const dir = directory(t)
  const config = join(dir, 'm.yaml')
  const port = await freePort()
  writeFileSync(
    config,
    `data: ${config}/state
collectors: { docker: [{ root: ${dir}/nowhere, socket: ${dir}/nowhere.sock }] }
mail: { host: 127.0.0.1, port: ${port}, user: u, password: hunter2 }
`,
  )
  const { out, err, code } = await openTerminal().run('doctor', '--json', '--config', config)
  const { findings } = JSON.parse(out) as {
    findings: { name: string; ok: boolean; detail: string; remedy?: string }[]
  }
  const bad = findings.filter(({ ok }) => !ok)
  t.deepEqual(
    bad.map(({ name }) => name),
    ['data directory', 'docker files', 'docker socket', 'mail server'],
  )
  for (const { remedy } of bad) t.truthy(remedy)
  const [data, , socket, mail] = bad.map(({ detail }) => detail)
  t.regex(data ?? '', /ENOTDIR/)
  t.regex(socket ?? '', /ENOENT/)
  t.regex(mail ?? '', /ECONNREFUSED/)
  t.is(err, 'mesoscope: 4 of 8 checks failed\n')
  t.is(code, 1)
  t.notRegex(out, /hunter2/)
})

/** A master, an agent and a Marathon at one address. */
async function cluster(t: ExecutionContext, answers: Record<string, unknown>): Promise<string> {
  const server = createServer((request, response) => {
    const found = answers[String(request.url)]
    response.statusCode = found === undefined ? 404 : 200
    response.end(typeof found === 'string' ? found : JSON.stringify(found ?? {}))
  })
  return `http://127.0.0.1:${(await listening(t, server, 0)).port}`
}

function clusterConfig(dir: string, url: string, workDir: string): string {
  const config = join(dir, 'm.yaml')
  writeFileSync(
    config,
    `data: ${dir}/state
spool: { max_bytes: 1MiB }
collectors:
  mesos_master: [{ urls: ['${url}'] }]
  mesos_agent: [{ url: '${url}' }]
  marathon: [{ urls: ['${url}'], user: u, password: hunter2 }]
  mesos_sandbox: [{ work_dir: ${workDir} }]
`,
  )
  return config
}

test('Mesos, Marathon and the sandboxes are looked at', async (t) => {
  const dir = directory(t)
  mkdirSync(join(dir, 'slaves'))
  const url = await cluster(t, {
    '/slaves': { slaves: [{ id: 'a-S1', hostname: 'agent-1' }] },
    '/containers': [],
    '/v2/apps': { apps: [{ id: '/shop/web' }] },
  })
  const { out, code } = await openTerminal().run('doctor', '--config', clusterConfig(dir, url, dir))
  t.true(out.includes(`ok    Mesos master: ${url} leads 1 agent\n`), out)
  t.true(out.includes(`ok    Mesos agent: ${url} answers\n`))
  t.true(out.includes(`ok    Marathon: ${url} shows 1 app\n`))
  t.true(out.includes(`ok    sandboxes: ${dir}/slaves can be read\n`))
  t.is(code, 0)
})

test('a cluster that does not show itself is named, with what to do', async (t) => {
  const dir = directory(t)
  const url = await cluster(t, { '/slaves': { slaves: [] }, '/v2/apps': '<html>Log in</html>' })
  const config = clusterConfig(dir, url, join(dir, 'nowhere'))
  const { out, code } = await openTerminal().run('doctor', '--config', config)
  t.regex(out, /^BAD {3}Mesos master: \S+ shows no agent\n {6}.*the right to view agents/m)
  t.regex(out, /^BAD {3}Mesos agent: .* answered 404.*\n {6}is this the right address/m)
  t.regex(out, /^BAD {3}Marathon: .*not JSON.*\n {6}is this the right address, with no proxy/m)
  t.regex(out, /^BAD {3}sandboxes: .*ENOENT.*\n {6}name the agent's --work_dir/m)
  t.notRegex(out, /tried again|hunter2/)
  t.is(code, 1)
})

test('wrong settings are listed, the rest is examined all the same', async (t) => {
  const config = join(directory(t), 'm.yaml')
  writeFileSync(config, 'dta: x\n')
  const { out, code } = await openTerminal().run('doctor', '--config', config)
  t.regex(out, /^BAD {3}settings: .*m\.yaml:1: dta: is not a setting; did you mean data\?$/m)
  t.regex(out, /^ok {4}sqlite: /m)
  t.is(code, 1)
})

test('a refused login shows the answer of the server, not the password', async (t) => {
  const config = join(directory(t), 'm.yaml')
  const port = await mailServer(t)
  writeFileSync(config, `mail: { host: 127.0.0.1, port: ${port}, user: u, password: swordfish }\n`)
  const { out } = await openTerminal().run('doctor', '--config', config)
  t.regex(out, /^BAD {3}mail server: /m)
  t.notRegex(out, /swordfish/)
})

for (const [version, ok] of [
  ['24.11.0', true],
  ['25.0.0', true],
  ['24.10.9', false],
  ['20.20.2', false],
] as const) {
  test(`Node ${version} is ${ok ? 'new enough' : 'too old'}`, async (t) => {
    t.is((await checkNode(version)).ok, ok)
  })
}
