import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { createTransport } from 'nodemailer'
import type { PlaygroundFile } from '../../playground/addresses.ts'
import type { FaultRequest } from '../../playground/faults/apply.ts'
import { processesWith, until } from './container-logs.ts'
import { get, openPlayground, type RunningPlayground } from './running-playground.ts'

/** One playground for all tests. */
let open: RunningPlayground
test.before(async () => {
  open = await openPlayground()
})
test.after.always(() => open.close())

test.serial('all apps come up, the web service healthy, on both agents', async (t) => {
  await open.webIsWell()
  for (const service of ['/shop/worker', '/shop/payments', '/shop/db', '/shop/search']) {
    await until(`${service} to run`, () => open.running(service).length > 0)
  }
  t.is(open.running('/shop/search').length, 2)
  t.is(new Set(open.running('/shop/search').map((task) => task.parentContainerId)).size, 1)
  t.is(open.running('/shop/db')[0]?.docker, undefined)
  t.is(new Set(open.playground.cluster.tasks().map(({ agent }) => agent)).size, 2)
})

const typical: [string, RegExp][] = [
  [
    '/shop/web',
    /^192\.0\.2\.\d+ - - \[\d\d\/\w{3}\/\d{4}:[\d:]{8} \+0000\] "GET \S+ HTTP\/1\.1" 200 \d+ /,
  ],
  ['/shop/web', /^\{"time":"[^"]+","level":"info","msg":"page rendered","path":/],
  ['/shop/worker', /^\{"time":"[^"]+","level":"info","msg":"job done",/],
  ['/shop/worker', /^.{20000,}$/],
  ['/shop/worker', /Authorization: Bearer /],
  [
    '/shop/payments',
    /^\d{4}-\d\d-\d\d [\d:,]+ INFO {2}\[main\] shop\.payments\.Charge - charge \S+ ok/,
  ],
  ['/shop/payments', /^\tat shop\.payments\.Gateway\.post\(Gateway\.java:118\)$/],
  ['/shop/payments', /api_key=/],
  ['/batch/report', /^\S+ INFO report done$/],
  ['/shop/db', /LOG: {2}database system is ready to accept connections$/],
  ['/shop/db', /LOG: {2}checkpoint complete: wrote 10 buffers, \d+ rows in all$/],
  ['/shop/search', /"msg":"query"/],
  ['/shop/search', /"msg":"segment written"/],
]
for (const [service, pattern] of typical) {
  test.serial(`${service} prints lines like ${pattern.source.slice(0, 60)}`, async (t) => {
    await until(pattern.source, () => open.lines(service).some((line) => pattern.test(line)))
    t.pass()
  })
}

test.serial(
  'the addresses are in a file for this user alone, and all of them answer',
  async (t) => {
    const path = join(open.dir, 'playground.json')
    t.is(statSync(path).mode & 0o777, 0o600)
    const file = JSON.parse(readFileSync(path, 'utf8')) as PlaygroundFile
    t.like(file, {
      pid: process.pid,
      token: open.playground.token,
      control: open.playground.control,
    })
    t.is(file.masters.length, 2)
    t.is(file.marathons.length, 2)
    const state = (await get(`${file.masters[0]}/state`)) as { activated_slaves: number }
    t.is(state.activated_slaves, 2)
    for (const { url, hostname, dockerRoot, dockerSocket } of file.agents) {
      const { hostname: told } = (await get(`${url}/state`)) as { hostname: string }
      t.is(told, hostname)
      t.true(existsSync(join(dockerRoot, 'containers')))
      t.true(existsSync(dockerSocket))
    }
    for (const url of file.marathons) t.true(((await get(`${url}/v2/info`)) as object) !== null)
    t.is((await fetch(file.balancer)).status, 200)
  },
)

test.serial('the batch scheduler is a framework of its own, with ids of its own', async (t) => {
  await until(
    'two reports',
    () => open.tasks('/batch/report').filter(({ exit }) => exit).length >= 2,
  )
  for (const { spec, executorId } of open.tasks('/batch/report')) {
    t.regex(spec.id, /^ct:\d{13}:0:batch-report:$/)
    t.is(executorId, spec.id)
    t.is(spec.framework.name, 'chronos')
  }
  t.deepEqual(
    open.playground.cluster.frameworks().map(({ name }) => name),
    ['marathon', 'chronos'],
  )
})

test.serial('who does not know the token is refused, whatever is asked for', async (t) => {
  for (const path of ['', '/faults', '/mails', '/tasks', '/load', '/nothing']) {
    for (const authorization of [
      undefined,
      'Bearer wrong',
      `Bearer ${open.playground.token}x`,
      open.playground.token,
    ]) {
      const url = `${open.playground.control}/api/playground${path}`
      const response = await fetch(url, { headers: authorization ? { authorization } : {} })
      t.is(response.status, 401, `${path} ${authorization}`)
      const { error } = (await response.json()) as { error: string }
      t.is(error, 'this is for who knows the token of the playground')
    }
  }
})

test.serial('the control API tells addresses, tasks, faults and mails', async (t) => {
  const { host, port } = open.playground.mailCatcher
  const mail = { from: 'a@example.com', to: 'b@example.com', subject: 'fire', text: 'it burns' }
  await createTransport({ host, port }).sendMail(mail)
  t.like(await open.client.mails(), [{ subject: 'fire', to: ['b@example.com'] }])
  const shown = (await open.client.tasks()).find(({ service }) => service === '/shop/web')
  t.like(shown, { state: 'TASK_RUNNING', framework: 'marathon' })
  t.true((shown?.rss ?? 0) > 20_000_000)
  const faults = await open.client.faults()
  t.true(faults.every(({ description }) => /^[^.].*\.$/.test(description)))
  t.deepEqual(
    faults.filter((fault) => fault.active),
    [],
  )
})

const refused: [object, RegExp, RegExp?][] = [
  [{ name: 'nonsense' }, /^there is no fault "nonsense"$/, /^choose one of errors, silence, /],
  [{ name: 'toString' }, /^there is no fault "toString"$/],
  [{ name: 7 }, /^that is no fault: .*expected string/],
  [{}, /^that is no fault: /],
  [{ name: 'kill', more: 1 }, /^that is no fault: .*Unrecognized key/],
  [{ name: 'kill', service: 'none' }, /^"none" cannot have the fault kill$/, /\/shop\/web/],
  [{ name: 'errors', service: '/shop/db' }, /^"\/shop\/db" cannot have the fault errors$/],
  [{ name: 'kill', amount: 0 }, /^the amount of kill \(instances\) cannot be 0$/, /from 1 to 8$/],
  [{ name: 'kill', amount: 1.5 }, /cannot be 1.5$/],
  [{ name: 'kill', seconds: 5 }, /^kill is over at once$/],
  [{ name: 'mesos-away', service: 'web' }, /^mesos-away is no matter of a service$/],
  [{ name: 'offers-scarce', amount: 3 }, /^offers-scarce has no amount$/],
  [{ name: 'errors', seconds: -1 }, /^the seconds cannot be -1$/],
]
for (const [request, error, remedy] of refused) {
  test.serial(`${JSON.stringify(request)} is refused`, async (t) => {
    const trouble = await t.throwsAsync(open.client.apply(request as FaultRequest), {
      message: error,
    })
    if (remedy) t.regex((trouble as { remedy?: string }).remedy ?? '', remedy)
  })
}

test.serial('a load generator and a balancer that die are started again', async (t) => {
  if (!existsSync('/proc/self/environ')) return t.pass('only Linux shows whose a process is')
  for (const name of ['load', 'balancer']) {
    const pid = await pidOf(name)
    process.kill(pid, 'SIGKILL')
    await until(`another ${name}`, async () => (await pidOf(name)) !== pid)
  }
  const { second } = open.playground.traffic.ledger().at(-1)!
  await until('answers', () =>
    open.playground.traffic.ledger().some((one) => one.second > second && one.answered >= 4),
  )
  t.is((await fetch(open.playground.balancer)).status, 200)
})

async function pidOf(program: string): Promise<number> {
  return until(`the process of ${program}`, async () => {
    const pids = await processesWith(open.seed)
    const found = pids.find((pid) => commandOf(pid).includes(`services/${program}.`))
    return found === undefined ? undefined : Number(found)
  })
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

test.serial('close leaves no process and no address behind', async (t) => {
  const linux = existsSync('/proc/self/environ')
  if (linux) t.true((await processesWith(open.seed)).length >= 9)
  await open.playground.close()
  if (linux) t.deepEqual(await processesWith(open.seed), [])
  t.false(existsSync(join(open.dir, 'playground.json')))
})
