import { existsSync } from 'node:fs'
import { readdir, utimes } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import { createTransport } from 'nodemailer'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { startPlayground, type Playground } from '../../playground/demo.ts'
import {
  configs,
  containerLines,
  linesOf,
  processesWith,
  readConfig,
  removeDir,
  tempDir,
  until,
  variable,
} from './container-logs.ts'

/** One playground for all tests but the last ones: they cause faults in it, one after the other. */
const seed = randomUUID()
let dir = ''
let playground: Playground

test.before(async () => {
  dir = await tempDir()
  playground = await startPlayground({ dir, clock: wallClock, log: silentLog, seed })
})

test.after.always(async () => {
  await playground.close()
  await removeDir(dir)
})

function lines(service: string): string[] {
  return linesOf(playground.containersRoot, service)
}

function count(service: string, part: string): number {
  return lines(service).filter((line) => line.includes(part)).length
}

/** Time measured by what another service prints meanwhile, so that a slow machine changes nothing. */
async function meanwhile(service: string, printed: number): Promise<void> {
  const before = lines(service).length
  await until(
    `${printed} more lines of ${service}`,
    () => lines(service).length >= before + printed,
  )
}

const typical: [string, RegExp][] = [
  [
    '/shop/web',
    /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:[\d:]{8} \+0000\] "GET \S+ HTTP\/1\.1" 200 \d+ /,
  ],
  ['/shop/web', /^\{"time":"[^"]+","level":"info","msg":"page rendered","path":/],
  ['/shop/worker', /^\{"time":"[^"]+","level":"info","msg":"job done",/],
  [
    '/shop/payments',
    /^\d{4}-\d\d-\d\d [\d:,]+ INFO {2}\[main\] shop\.payments\.Charge - charge \S+ ok/,
  ],
  ['/shop/payments', /^\tat shop\.payments\.Gateway\.post\(Gateway\.java:118\)$/],
  ['/batch/report', /^\S+ INFO report done$/],
]
for (const [service, pattern] of typical) {
  test.serial(`${service} prints lines like ${pattern.source.slice(0, 60)}`, async (t) => {
    await until(pattern.source, () => lines(service).some((line) => pattern.test(line)))
    t.pass()
  })
}

test.serial('three instances of the web service answer', async (t) => {
  await until('three instances that answer', () => {
    const web = configs(playground.containersRoot).filter(
      (config) => variable(config, 'MARATHON_APP_ID') === '/shop/web',
    )
    const answering = web.filter(({ ID }) =>
      containerLines(join(playground.containersRoot, ID)).some((line) => line.includes('1.1" 200')),
    )
    return answering.length === 3
  })
  t.is(playground.tasks().filter(({ service }) => service === '/shop/web').length, 3)
})

test.serial('each container says which Marathon task it is', async (t) => {
  for (const { service, task, container } of playground.tasks()) {
    const config = readConfig(join(playground.containersRoot, container))
    t.is(variable(config, 'MARATHON_APP_ID'), service)
    t.is(variable(config, 'MESOS_TASK_ID'), task)
    t.deepEqual(config.Config.Labels, { MESOS_TASK_ID: task })
    t.regex(task, new RegExp(`^${service.slice(1).replace('/', '_')}\\.[0-9a-f-]{36}$`))
    t.regex(config.Name, /^\/mesos-[0-9a-f-]{36}$/)
    t.regex(variable(config, 'MARATHON_APP_LABELS') ?? '', /^OWNER RUNBOOK/)
    t.regex(variable(config, 'MARATHON_APP_LABEL_OWNER') ?? '', /^team-/)
    t.regex(variable(config, 'MARATHON_APP_LABEL_RUNBOOK') ?? '', /^https:\/\//)
    t.regex(variable(config, 'MARATHON_APP_VERSION') ?? '', /^2026-/)
    t.truthy(variable(config, 'HOST'))
    t.regex(variable(config, 'PORT0') ?? '', /^\d+$/)
  }
})

test.serial('batch jobs come and go', async (t) => {
  await until('a second report', () => count('/batch/report', 'report batch_report.') >= 2)
  const report = playground.tasks().find(({ service }) => service === '/batch/report')
  t.true(report?.exitCode === 0 || report?.exitCode === 1)
})

test.serial('a line of the worker is longer than 16 KiB', async (t) => {
  await until('a manifest', () => lines('/shop/worker').some(({ length }) => length > 20_000))
  t.pass()
})

test.serial('secrets stand in the logs, for Mesoscope to hide', async (t) => {
  await until('a key', () => count('/shop/payments', 'api_key=') > 0)
  await until('a token', () => count('/shop/worker', 'Authorization: Bearer ') > 0)
  t.pass()
})

test.serial('the faults are listed, each with one sentence', (t) => {
  const faults = playground.faults()
  t.deepEqual(
    faults.map(({ name }) => name),
    ['errors', 'silence', 'crash', 'burst', 'bad-lines', 'calm'],
  )
  t.true(faults.every(({ active, description }) => !active && /^[^.].*\.$/.test(description)))
})

test.serial('an unknown fault is refused, with the names of the known ones', async (t) => {
  for (const name of ['nonsense', 'toString', '']) {
    t.like(await t.throwsAsync(playground.apply(name)), {
      message: `there is no fault ${JSON.stringify(name)}`,
      remedy: 'choose one of errors, silence, crash, burst, bad-lines, calm',
    })
  }
})

function active(): string[] {
  return playground.faults().flatMap((fault) => (fault.active ? [fault.name] : []))
}

test.serial(
  'errors: the web service logs errors, most requests fail, and calm ends it',
  async (t) => {
    const errors = () => count('/shop/web', '"level":"error"')
    const before = errors()
    t.true(before <= 8)
    await playground.apply('errors')
    t.deepEqual(active(), ['errors'])
    await until('40 errors', () => errors() >= before + 40)
    t.true(count('/shop/web', 'HTTP/1.1" 500') >= 30)

    await playground.apply('calm')
    t.deepEqual(active(), [])
    await meanwhile('/shop/worker', 4)
    const after = errors()
    await meanwhile('/shop/web', 60)
    t.true(errors() <= after + 3)
  },
)

test.serial('silence: the worker lives but prints nothing, and calm ends it', async (t) => {
  await playground.apply('silence')
  await meanwhile('/shop/web', 10)
  const before = lines('/shop/worker').length
  await meanwhile('/shop/web', 40)
  t.is(lines('/shop/worker').length, before)
  const worker = playground.tasks().find(({ service }) => service === '/shop/worker')
  t.is(worker?.exitCode, undefined)
  t.notThrows(() => process.kill(worker?.pid ?? 0, 0))

  await playground.apply('calm')
  await meanwhile('/shop/worker', 5)
})

test.serial('crash: a web instance dies of SIGKILL and a new task takes its place', async (t) => {
  const web = () => playground.tasks().filter(({ service }) => service === '/shop/web')
  const before = new Set(web().map(({ task }) => task))
  await playground.apply('crash')
  const dead = await until('the death', () => web().find(({ exitCode }) => exitCode !== undefined))
  t.is(dead.exitCode, 137)
  const { State } = readConfig(join(playground.containersRoot, dead.container))
  t.like(State, { Running: false, ExitCode: 137, OOMKilled: false })

  const next = await until('a new task', () => web().find(({ task }) => !before.has(task)))
  t.false(web().some(({ task, container }) => task !== next.task && container === next.container))
  t.true(next.startedAt - dead.startedAt >= 3000)
  const printed = () => containerLines(join(playground.containersRoot, next.container))
  await until('requests to the new one', () => printed().some((line) => line.includes('" 200 ')))
})

test.serial('a fault that lasts reaches an instance that is started later', async (t) => {
  await playground.apply('errors')
  const known = new Set(playground.tasks().map(({ task }) => task))
  await playground.apply('crash')
  const next = await until('a new task', () =>
    playground.tasks().find(({ service, task }) => service === '/shop/web' && !known.has(task)),
  )
  const printed = () => containerLines(join(playground.containersRoot, next.container))
  await until('its errors', () => printed().some((line) => line.includes('"level":"error"')))
  await playground.apply('calm')
  t.deepEqual(active(), [])
})

test.serial('burst: 20,000 lines are printed, and all of them stand in the files', async (t) => {
  await playground.apply('burst')
  const debug = () => lines('/shop/web').filter((line) => line.includes('"of":20000'))
  const burst = await until('the burst', () => {
    const found = debug()
    return found.length >= 20_000 ? found : undefined
  })
  t.deepEqual(
    burst.map((line) => (JSON.parse(line) as { n: number }).n),
    Array.from({ length: 20_000 }, (_, n) => n),
  )
})

test.serial('bad-lines: everything that should not be in a log is in it', async (t) => {
  await playground.apply('bad-lines')
  const parts = ['\ufffd\ufffd', '\0', '\u001b[31;1m', '<script>', 'JSON that never ends', 'Bcc: ']
  await until('all bad lines', () => {
    const printed = lines('/shop/payments')
    return (
      parts.every((part) => printed.some((line) => line.includes(part))) &&
      printed.some(({ length }) => length === 1_999_999)
    )
  })
  const first = count('/shop/payments', '<script>')
  await until('them again', () => count('/shop/payments', '<script>') > first)
  await playground.apply('calm')
  t.deepEqual(active(), [])
})

test.serial('mails that are sent to it are shown', async (t) => {
  const { host, port } = playground.mailCatcher
  const mail = { from: 'a@example.com', to: 'b@example.com', subject: 'fire', text: 'it burns' }
  await createTransport({ host, port }).sendMail(mail)
  t.like(playground.mails(), [{ subject: 'fire', from: 'a@example.com', to: ['b@example.com'] }])
})

function onLinux(t: ExecutionContext): boolean {
  const linux = existsSync('/proc/self/environ')
  if (!linux) t.pass('only Linux shows the environment of processes')
  return linux
}

test.serial(
  'close leaves no process behind, and says of each container how it ended',
  async (t) => {
    if (onLinux(t)) t.true((await processesWith(seed)).length >= 6)
    await playground.close()
    if (onLinux(t)) t.deepEqual(await processesWith(seed), [])
    for (const { State } of configs(playground.containersRoot)) {
      t.false(State.Running)
      t.is(State.Pid, 0)
    }
  },
)

/** Runs a playground in a process of its own, which says when it is up. */
const owner = `
  const [demo, clock, log] = await Promise.all(process.argv.slice(2).map((url) => import(url)))
  const [dir, seed] = [process.env.PLAYGROUND_DIR, process.env.OWN_SEED]
  await demo.startPlayground({ dir, seed, clock: clock.wallClock, log: log.silentLog })
  console.log('up')`

test('killed with SIGKILL it leaves no process behind, and the next start tidies up', async (t) => {
  if (!onLinux(t)) return
  const own = { seed: randomUUID(), dir: await tempDir() }
  const modules = ['../../playground/demo.ts', '../../pipeline/clock.ts', '../../pipeline/log.ts']
  const urls = modules.map((path) => new URL(path, import.meta.url).href)
  const env = { ...process.env, PLAYGROUND_DIR: own.dir, OWN_SEED: own.seed }
  const parent = spawn(process.execPath, ['--input-type=module', '-e', owner, 'x', ...urls], {
    env,
  })
  await once(parent.stdout, 'data')
  await until('all processes', async () => (await processesWith(own.seed)).length >= 6)
  parent.kill('SIGKILL')
  await until('their end', async () => (await processesWith(own.seed)).length === 0)

  const root = join(own.dir, 'containers')
  t.true(configs(root).some(({ State }) => State.Running))
  const next = await startPlayground({ dir: own.dir, clock: wallClock, log: silentLog })
  const running = new Set(next.tasks().map(({ container }) => container))
  const left = configs(root).filter(({ ID }) => !running.has(ID))
  t.true(left.length >= 6 && left.length <= 10)
  t.true(left.every(({ State }) => !State.Running && State.Pid === 0))
  t.true(left.some(({ State }) => State.ExitCode === 255))
  await next.close()
  await removeDir(own.dir)
})

test('of what earlier starts left the ten newest containers stay', async (t) => {
  const own = await tempDir()
  const root = join(own, 'containers')
  const start = () => startPlayground({ dir: own, clock: wallClock, log: silentLog })
  for (let n = 0; n < 3; n++) {
    const one = await start()
    await until('six containers', () => one.tasks().length >= 6)
    await one.close()
  }
  const before = await readdir(root)
  const old = before.slice(0, before.length - 10)
  for (const id of before) {
    const time = old.includes(id) ? 1_700_000_000 : 1_700_000_001
    await utimes(join(root, id), time, time)
  }
  const last = await start()
  const after = new Set(await readdir(root))
  t.deepEqual(
    before.filter((id) => !after.has(id)),
    old,
  )
  await last.close()
  await removeDir(own)
})
