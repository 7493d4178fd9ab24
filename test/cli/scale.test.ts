import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { decisionDoc } from '../../autoscaling/records.ts'
import type { Decision, ScalingStatus } from '../../pipeline/decision.ts'
import { openSqliteStore } from '../../pipeline/store/sqlite.ts'
import type { StoredDoc } from '../../pipeline/store/store.ts'
import { appOf, evaluate, second, service, total } from '../autoscaling/app.ts'
import { open } from '../dashboards/open.ts'
import { openInstance } from '../dashboards/shop.ts'
import { directory, leaveAddress, now, openTerminal } from './terminal.ts'

function decisionAt(ts: number, load: number, instances = 2, of = service): Decision {
  const { decision } = evaluate({
    policy: { service: of },
    ts,
    nowMs: ts,
    marathon: { v: 1, marathon: 'marathon', atMs: ts - second, intervalMs: second },
    state: appOf(instances, { atMs: ts - second, service: of }),
    signals: { requests: { ...total(load), values: [{ group: {}, value: load, lastMs: ts }] } },
  })
  return decision
}

const raised = decisionAt(now - 60_000, 71.3)
const held = decisionAt(now - 30_000, 71.3, 5)
const docs = [raised, held].map((decision) => decisionDoc(decision, {}) as unknown as StoredDoc)

/** An ended process that left decisions on two services. */
async function left(t: ExecutionContext) {
  const dir = directory(t)
  const store = openSqliteStore({ dir: join(dir, 'store') })
  const other = decisionDoc(decisionAt(now - 10_000, 30, 2, '/other/web'), {})
  await store.putDocs('decisions', [...docs, other])
  await store.close()
  return dir
}

const views: ScalingStatus[] = [
  { service: '/shop/web', policy: held.policy, last: held, lastChange: raised },
  { service: '/shop/db', trouble: 'it is not scaled, its policy has a fault: \u001b[2Jx' },
]

async function running(t: ExecutionContext) {
  const { url, store } = await open(t, { clock: openTerminal().io.clock, scaling: () => views })
  await store.putDocs('decisions', docs)
  await store.appendLogs([
    openInstance('/shop/web', 'web.1', 'a'.repeat(64)).write(now - 5, [['info', 'x']]),
    openInstance('/shop/mailer', 'mail.1', 'b'.repeat(64)).write(now - 5, [['info', 'x']]),
  ])
  const dir = directory(t)
  leaveAddress(dir, { url })
  return dir
}

test('scale lists the services with a policy, and what was decided last', async (t) => {
  const dir = await running(t)
  const { run } = openTerminal()
  const expected = `SERVICE    WANTED  RUNNING  HEALTHY  RANGE  TARGETS                  TIME                      DECISION
/shop/web  5       5        5        2..10  requests 14.3/s of 15/s  2026-11-22 18:29:30.000Z  stays at 5: requests 71.3/s over 5 ready instances is 14.3 each, target 15: within 10 %
/shop/db   -       -        -        -      -                        -                         it is not scaled, its policy has a fault: \\x1b[2Jx
`
  t.deepEqual(await run('scale', '--utc', '--data', dir), {
    out: expected,
    err: '',
    code: 0,
    left: [],
  })
  t.is((await run('scale', 'list', '--utc', '--data', dir)).out, expected)
  const { out } = await run('scale', '--json', '--data', dir)
  t.deepEqual(JSON.parse(out), { scaling: JSON.parse(JSON.stringify(views)) as unknown })
})

test('scale explain tells the newest decision, also where nothing was done', async (t) => {
  const dir = await running(t)
  const { run } = openTerminal()
  const { out, code } = await run('scale', 'explain', 'web', '--utc', '--data', dir)
  t.is(code, 0)
  t.regex(out, /^\/shop\/web at 2026-11-22 18:29:30\.000Z\nstays at 5: requests 71\.3\/s over/)
  t.regex(out, /\nbefore +2026-11-22 18:29:00\.000Z scaled 2 → 5: requests/)
  const json = await run('scale', 'explain', '/shop/web', '--json', '--data', dir)
  t.like(JSON.parse(json.out), { decision: { reason: held.reason }, lastChange: { to: 5 } })
})

test('scale explain --at tells the decision that held then', async (t) => {
  for (const dir of [await running(t), await left(t)]) {
    const { run } = openTerminal()
    const at = async (time: string) =>
      run('scale', 'explain', '/shop/web', '--at', time, '--utc', '--data', dir)
    t.regex((await at('35s')).out, /^\/shop\/web at 2026-11-22 18:29:00\.000Z\nscaled 2 → 5/)
    t.regex((await at('2026-11-22T18:29:30Z')).out, /18:29:30\.000Z\nstays at 5/)
    t.deepEqual(await at('1h'), {
      out: '',
      err: 'mesoscope: nothing was decided on "/shop/web" until then\n',
      code: 3,
      left: [],
    })
  }
})

test('scale history tells decisions, the oldest first', async (t) => {
  const expected = `TIME                      OUTCOME  INSTANCES  REASON            DECISION
2026-11-22 18:29:00.000Z  scaled   2 → 5      scaled-up         scaled 2 → 5: requests 71.3/s over 2 ready instances is 35.7 each, target 15
2026-11-22 18:29:30.000Z  held     5          within-tolerance  stays at 5: requests 71.3/s over 5 ready instances is 14.3 each, target 15: within 10 %
`
  for (const dir of [await running(t), await left(t)]) {
    const { run } = openTerminal()
    const { out } = await run('scale', 'history', '/shop/web', '--utc', '--data', dir)
    t.is(out, expected)
    const newest = await run('scale', 'history', '/shop/web', '-n', '1', '--json', '--data', dir)
    const { decisions } = JSON.parse(newest.out) as { decisions: unknown[] }
    t.deepEqual(decisions, JSON.parse(JSON.stringify(docs.slice(1))))
    const none = await run('scale', 'history', '/shop/web', '--since', '10s', '--data', dir)
    t.is(none.code, 3)
  }
})

test('where no process runs, its store is read', async (t) => {
  const dir = await left(t)
  const { run } = openTerminal()
  const { out } = await run('scale', '--utc', '--data', dir)
  t.deepEqual(
    out.split('\n').map((line) => line.split(/ +/)[0]),
    ['SERVICE', '/other/web', '/shop/web', ''],
  )
  t.regex((await run('scale', 'explain', '/shop/web', '--data', dir)).out, /\nstays at 5/)
})

test('a service that is not known, or can be several, is told', async (t) => {
  const dir = await left(t)
  const { run } = openTerminal()
  t.deepEqual(await run('scale', 'explain', 'cart', '--data', dir), {
    out: '',
    err: 'mesoscope: no service "cart" has a decision on scaling yet: services are /other/web, /shop/web\n',
    code: 3,
    left: [],
  })
  t.deepEqual(await run('scale', 'history', 'web', '--data', dir), {
    out: '',
    err: 'mesoscope: "web" can mean 2 services: give one of them in full: /other/web, /shop/web\n',
    code: 2,
    left: [],
  })
  const alive = await running(t)
  const unknown = await run('scale', 'explain', 'cart', '--data', alive)
  t.is(unknown.code, 3)
  t.regex(unknown.err, /cart/)
  const faulty = await run('scale', 'explain', 'db', '--data', alive)
  t.is(faulty.err, 'mesoscope: /shop/db: it is not scaled, its policy has a fault: \\x1b[2Jx\n')
  t.is(faulty.code, 3)
})

test('without any policy that is said, and is no failure', async (t) => {
  const { url } = await open(t, { clock: openTerminal().io.clock })
  const dir = directory(t)
  leaveAddress(dir, { url })
  t.deepEqual(await openTerminal().run('scale', '--data', dir), {
    out: '',
    err: 'mesoscope: no service has a scaling policy\n',
    code: 0,
    left: [],
  })
})

test('of a service that is not scaled one hears which are', async (t) => {
  for (const dir of [await running(t), await left(t)]) {
    const { run } = openTerminal()
    const { err, code } = await run(
      'scale',
      'history',
      '/shop/web',
      '--since',
      'now',
      '--data',
      dir,
    )
    t.deepEqual([err, code], ['mesoscope: nothing was decided on "/shop/web" in that time\n', 3])
  }
  const { run } = openTerminal()
  const dir = await running(t)
  const { err, code } = await run('scale', 'explain', '/shop/mailer', '--data', dir)
  t.regex(
    err,
    /^mesoscope: nothing was decided on "\/shop\/mailer" yet: it is not scaled; scaled are /,
  )
  t.is(code, 3)
})
