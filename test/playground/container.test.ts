import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { runContainer, type Container } from '../../playground/container.ts'
import { containerLines, readConfig, removeDir, tempDir, until } from './container-logs.ts'

type Argv = readonly [string, ...string[]]

function node(script: string): Argv {
  return [process.execPath, '-e', script]
}

function run(root: string, argv: Argv, maxSize = 1_000_000): Container {
  return runContainer({
    root,
    name: 'mesos-ede58961-8932-479b-8055-a2d4adae3535',
    image: 'shop/web:2.4.1',
    env: ['MARATHON_APP_ID=/shop/web', 'PATH=/bin', 'WITH_EQUALS=a=b'],
    labels: { MESOS_TASK_ID: 'shop_web.1' },
    argv,
    rotation: { maxSize, maxFile: 3 },
    clock: wallClock,
    log: silentLog,
  })
}

function real(name: string): Record<string, unknown> {
  const url = new URL(`../fixtures/docker-engine/${name}`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8')) as Record<string, unknown>
}

/** Paths and types of all values, without what lists and free-form maps hold. */
function shape(value: unknown, path = ''): string[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return [`${path}: ${Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value}`]
  }
  if (path.endsWith('.Labels')) return [`${path}: labels`]
  return Object.entries(value).flatMap(([key, inner]) => shape(inner, `${path}.${key}`))
}

const exits: [string, Argv, number][] = [
  ['a program that ends well', node(''), 0],
  ['a program that exits with 3', node('process.exit(3)'), 3],
  ['a program that throws', node('throw new Error("no")'), 1],
  ['a program that kills itself', node('process.kill(process.pid, "SIGKILL")'), 137],
  ['a program that is not there', ['/no/such/program'], 127],
]
for (const [title, argv, code] of exits) {
  test(`${title} is a container with exit code ${code}`, async (t) => {
    const root = await tempDir()
    const container = run(root, argv)
    t.is(await container.exited, code)
    const { State } = readConfig(container.dir)
    t.like(State, { Running: false, Pid: 0, ExitCode: code })
    t.true(Date.parse(State.FinishedAt) >= Date.parse(State.StartedAt))
    await removeDir(root)
  })
}

test('the folder has the layout and the config the shape that Docker gives them', async (t) => {
  const root = await tempDir()
  const container = run(root, node('console.log("up"); setInterval(() => {}, 1000)'))
  const { id, dir } = container
  t.teardown(() => container.kill('SIGKILL'))
  t.regex(id, /^[0-9a-f]{64}$/)
  await until('the first line', () => containerLines(dir).includes('up'))
  t.deepEqual(
    readdirSync(dir)
      .map((name) => name.replace(id, 'ID'))
      .toSorted(),
    ['ID-json.log', 'config.v2.json', 'hostconfig.json'],
  )
  const running = readConfig(dir)
  t.like(running.State, { Running: true, Pid: container.pid })
  t.is(running.LogPath, join(dir, `${id}-json.log`))

  const known = new Set(shape(real('config-v2-running.json')))
  t.deepEqual(
    shape(running).filter((entry) => !known.has(entry)),
    [],
  )
  container.kill('SIGTERM')
  t.is(await container.exited, 143)
  const hostConfig = JSON.parse(readFileSync(join(dir, 'hostconfig.json'), 'utf8')) as unknown
  const knownHost = [...shape(real('hostconfig.json')), '.LogConfig.Config.max-file: string']
  t.deepEqual(
    shape(hostConfig).filter((entry) => !knownHost.includes(entry)),
    [],
  )
  await removeDir(root)
})

test('the process gets the variables of the config, and no others of ours', async (t) => {
  const root = await tempDir()
  const container = run(root, node('console.log(JSON.stringify(process.env))'))
  await container.exited
  const [line] = containerLines(container.dir)
  const env = JSON.parse(line ?? '{}') as Record<string, string>
  t.like(env, { MARATHON_APP_ID: '/shop/web', WITH_EQUALS: 'a=b' })
  t.is(env['HOME'], undefined)
  await removeDir(root)
})

test('both streams are in the log to their last byte, whatever the process printed', async (t) => {
  const root = await tempDir()
  const script = `
    for (let n = 0; n < 3000; n++) process.stdout.write('out ' + n + ' ' + 'x'.repeat(n * 7) + '\\n')
    for (let n = 0; n < 3000; n++) process.stderr.write('err ' + n + '\\n')`
  const container = run(root, node(script), 1_000_000_000)
  await container.exited
  const lines = containerLines(container.dir)
  const numbers = Array.from({ length: 3000 }, (_, n) => n)
  t.deepEqual(lines, [
    ...numbers.map((n) => `out ${n} ${'x'.repeat(n * 7)}`),
    ...numbers.map((n) => `err ${n}`),
  ])
  await removeDir(root)
})
