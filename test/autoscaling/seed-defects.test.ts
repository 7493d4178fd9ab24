/** What was wrong with the autoscaler of the site that this began with, one by one: here it is not so. */
import test, { type ExecutionContext } from 'ava'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { explainDecision } from '../../autoscaling/explain.ts'
import { policiesOf } from '../../autoscaling/policy.ts'
import { partOf } from '../../collectors/answer.ts'
import { taskIdentity } from '../../collectors/mesos-identity.ts'
import { marathonTask } from '../../collectors/mesos-task-id.ts'
import { readTask } from '../../collectors/mesos-tasks.ts'
import type { DecisionDoc } from '../../pipeline/decision.ts'
import { openHttp } from '../../pipeline/http.ts'
import { openServedScene } from '../playground/marathon/scene.ts'
import { appOf, cpu, evaluate, minute, perTask, second, service, t0, task, total } from './app.ts'
import {
  busIn,
  decisionsOn,
  json,
  measured,
  openSite,
  settingsOf,
  short,
  story,
  tempDir,
  until,
} from './world.ts'

const asking = {
  autoscale: 'true',
  autoscale_min_instances: '2',
  autoscale_max_instances: '10',
  autoscale_rule_requests: 'http | requests | target | 15 | 180 | 0 | 0',
}

test('1. it died where data was missing: here nothing is changed, that is told, and it goes on', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  marathon.app.instances = 4
  marathon.app.running = 4
  await open({ policy: { stabilizationDownMs: 0 } })
  await load(60, 0)
  await load(0, 15)
  await until('told', async () => (await story(bus)).at(-1) === 'held no-data 4')
  await bus.produce('signals', [{ key: '0', value: Buffer.from('{'), headers: { kind: 'bucket' } }])
  await load(0, 16)
  t.deepEqual(marathon.patches(), [])
  await load(150, 30)
  await until('raised', () => marathon.app.instances === 10)
  t.deepEqual(marathon.patches(), [10])
})

test('2. it rounded: 36/s at 15 each are three instances, not two', async (t) => {
  const { marathon, load, open } = await openSite(t)
  await open()
  await load(36, 0)
  await until('raised', () => marathon.app.instances !== 2)
  t.deepEqual(marathon.patches(), [3])
})

test('3. it took the wished number for that of running tasks, and knew neither deployments nor 409', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  marathon.app.instances = 4
  await open()
  await load(60, 0)
  await until('evaluated', async () => (await story(bus)).length > 0)
  const [first] = await decisionsOn(bus)
  t.like(first?.decision.inputs.targets[0], { value: 30, proposal: 4 }, 'not 8')

  marathon.app.deployments = ['rolling']
  await load(120, 10)
  await until('held', async () => (await story(bus)).at(-1) === 'held deployment-running 4')
  t.deepEqual(marathon.asked, [], 'not even asked')

  marathon.settle()
  marathon.refuse = (response) => json(response, 409, { message: 'App is locked' })
  await load(120, 11)
  await until('refused', async () => (await story(bus)).at(-1) === 'failed locked 4')
  marathon.refuse = undefined
  await load(120, 17)
  await until('raised', () => marathon.app.instances === 8)
  t.false(marathon.asked.some(({ url, body }) => `${url} ${body}`.includes('force')))
})

test('4. it averaged whoever reported: two idle tasks of four say nothing of the others', (t) => {
  const asked = {
    state: appOf(4),
    policy: { targets: { cpu: 0.5 }, stabilizationDownMs: 0 },
  }
  const two = (value: number) => perTask([value, value, undefined, undefined], cpu)
  const idle = evaluate({ ...asked, signals: { cpu: two(0.05) } }).decision
  t.like(idle, { outcome: 'held', reason: 'thin-data', to: 4 })
  t.like(idle.inputs.targets[0], { measured: 2, expected: 4, proposal: 3 })
  const busy = evaluate({ ...asked, signals: { cpu: two(0.9) } }).decision
  t.like(busy, { outcome: 'held', to: 4 })
  const all = perTask([0.05, 0.05, 0.05, 0.05], cpu)
  t.is(short(evaluate({ ...asked, signals: { cpu: all } }).decision), 'scaled scaled-down 4 → 2')
})

test('5. it kept its back-off in memory: here a restart forgets neither rest nor refusal', async (t) => {
  const { bus, marathon, load, open } = await openSite(t)
  const policy = { stabilizationDownMs: minute }
  const first = await open({ policy })
  await load(100, 0)
  await until('raised', async () => (await story(bus)).at(-1) === 'scaled scaled-up 2 → 7')
  marathon.settle()
  await first.close()

  const again = await open({ policy })
  await load(20, 15)
  await until('held', async () => (await story(bus)).at(-1) === 'held stabilizing 7')
  marathon.refuse = (response) => json(response, 409, { message: 'App is locked' })
  await load(150, 25)
  await until('refused', async () => (await story(bus)).at(-1) === 'failed locked 7')
  await again.close()

  const last = await open({ policy })
  await load(150, 27)
  t.like(last.current(), [{ last: { reason: 'locked', outcome: 'held' } }])
  t.deepEqual(marathon.patches(), [7, 10])
})

test('6. its first rule won: here the one that asks for most does', (t) => {
  const rule = (signal: string) => `http | ${signal} | target | 15 | 180 | 0 | 0`
  const signals = { calm: total(20), busy: total(100) }
  for (const [a, b] of [
    ['calm', 'busy'],
    ['busy', 'calm'],
  ] as const) {
    const { autoscale_rule_requests: _other, ...limits } = asking
    const env = { ...limits, autoscale_rule_a: rule(a), autoscale_rule_b: rule(b) }
    const declarations = { calm: signals.calm.declaration, busy: signals.busy.declaration }
    const policy = policiesOf({
      declared: [],
      services: [appOf(2, { env })],
      labels: true,
      signals: declarations,
      dryRun: false,
    }).policies.get(service)
    if (!policy) return t.fail('it has no policy')
    t.is(short(evaluate({ policy, signals }).decision), 'scaled scaled-up 2 → 7', `${a} first`)
  }
})

test('7. it averaged a CPU counter that only grows: here what it grew by is measured', async (t) => {
  const [doc] = await countedIn(await tempDir(t), 'UTC', '2026-11-22T18:00:00Z')
  if (!doc) return t.fail('nothing was decided')
  const { inputs } = doc.decision
  t.like(inputs.targets[0], { signal: 'cpu', measured: 2, expected: 2, proposal: 4 })
  t.is(inputs.targets[0]?.value?.toFixed(6), '0.900000', 'cores, of tasks that used three days')
  t.is(short(doc.decision), 'would-scale dry-run 2 → 4')
})

const [web, api] = ['/shop/eu/west/web', '/shop/eu/west/api']

/** Both apps in the playground's Marathon, which real HTTP asks; `web` has the load. */
async function deepSite(t: ExecutionContext) {
  const scene = await openServedScene()
  t.teardown(() => scene.close())
  const labels = { OWNER: 'team-shop', 'mesoscope.retention': 'short' }
  for (const id of [web, api]) {
    const app = {
      id,
      cmd: 'serve',
      instances: 2,
      cpus: 0.1,
      mem: 64,
      labels,
      env: { MODE: 'live' },
    }
    await scene.deployed(app)
  }
  await scene.until('running', () => scene.running(web).length + scene.running(api).length === 4)
  const site = await openSite(t)
  const http = openHttp({ urls: scene.urls, name: 'Marathon' })
  t.teardown(() => http.close())
  const tasksOf = (id: string) => scene.running(id).map(({ spec }) => task(spec.id))
  const policies = [web, api].flatMap((id) => settingsOf({ service: id }).policies)
  const desk = await site.open({
    services: () => [web, api].map((id) => appOf(2, { service: id, tasks: tasksOf(id) })),
    settings: { ...settingsOf(), policies },
    http: () => http,
  })
  site.clock.set(t0 + 500)
  await measured(site.bus, t0 - 20 * second, t0, { [web]: 100, [api]: 30 })
  const isRaised = async () => (await story(site.bus)).includes('scaled scaled-up 2 → 7')
  await until('raised', isRaised)
  const shown = async (id: string) => {
    const answer = JSON.parse((await http.request(`/v2/apps${id}`)).text) as { app: object }
    return answer.app
  }
  return { desk, scene, shown, labels }
}

test('8. it knew two levels of an app id: here apps of a deep group are told apart', async (t) => {
  const { desk, scene, shown } = await deepSite(t)
  t.like(await shown(web), { instances: 7 })
  t.like(await shown(api), { instances: 2 })
  t.deepEqual(
    desk.current().map(({ service: id, last }) => [id, last && short(last)]),
    [
      [api, 'held within-tolerance 2'],
      [web, 'scaled scaled-up 2 → 7'],
    ],
  )
  for (const { spec } of scene.running(api)) t.is(marathonTask(spec.id)?.service, api, spec.id)
})

test('9. it lost labels: an app that is scaled keeps its own, and what is measured of a task has them', async (t) => {
  const { shown, labels } = await deepSite(t)
  t.like(await shown(web), { instances: 7, labels, env: { MODE: 'live' } })
  const told = {
    id: 'shop_eu_west_web.25212c0c-e6a2-11f1-bdef-02fc00000001',
    state: 'TASK_RUNNING',
    labels: Object.entries(labels).map(([key, value]) => ({ key, value })),
  }
  const part = partOf(told, [])
  const read = part && readTask(part)
  if (!read) return t.fail('the task was not understood')
  const identity = taskIdentity(read, { agent: 'one' })
  t.like(identity, { service: web, owner: 'team-shop', retention: 'short', labels })
})

test('10. nobody could opt out: `autoscale.enabled` of `false` does, whatever the rules say', async (t) => {
  const { marathon, read, load, open } = await openSite(t)
  marathon.app.env = asking
  marathon.app.labels = { 'autoscale.enabled': 'false' }
  read()
  const desk = await open({ settings: { ...settingsOf(), labels: true, policies: [] } })
  await load(100, 10)
  t.deepEqual(desk.current(), [])
  t.deepEqual(marathon.asked, [])
  marathon.app.labels = {}
  await load(100, 11)
  await until('raised', () => marathon.app.instances === 7)
  t.deepEqual(marathon.patches(), [7])
})

test('11. it printed what it decided: here that is there with its reason after everything has ended', async (t) => {
  const dir = await tempDir(t)
  const { bus, marathon, load, open } = await openSite(t, dir)
  const desk = await open()
  await load(100, 0)
  await until('told', async () => (await story(bus)).includes('scaled scaled-up 2 → 7'))
  await desk.close()
  await bus.close()
  const after = await busIn(dir)
  t.teardown(() => after.close())
  const [doc] = await decisionsOn(after)
  t.deepEqual(marathon.patches(), [7])
  t.like(doc, {
    '@timestamp': '2026-11-22T18:00:00.000000000Z',
    message: 'scaled 2 → 7: requests 100/s over 2 ready instances is 50 each, target 15',
    'scaling.from': 2,
    'scaling.to': 7,
    decision: { answer: { status: 200, deployment: 'deployment-1' } },
  })
  if (doc) t.regex(explainDecision(doc.decision, { moment: String }), /target 15\/s: asks for 7/)
})

test('12. it mixed local time and UTC: in any zone, as its clocks change, the same is decided', async (t) => {
  // In New York the hour from 05:00Z on was that from 1 to 2 at night, and so is the next.
  const at = '2026-11-01T06:00:10Z'
  const [here, there] = await Promise.all(
    ['UTC', 'America/New_York'].map(async (zone) => countedIn(await tempDir(t), zone, at)),
  )
  t.deepEqual(there, here)
  t.is(there?.[0]?.['@timestamp'], '2026-11-01T06:00:10.000000000Z')
  t.deepEqual(
    there?.map(({ decision }) => short(decision)),
    ['would-scale dry-run 2 → 4'],
  )
})

const child = fileURLToPath(new URL('counter-child.ts', import.meta.url))

/** What a process in this time zone decides of two busy tasks. */
async function countedIn(dir: string, zone: string, at: string): Promise<DecisionDoc[]> {
  const env = { ...process.env, TZ: zone }
  const { stdout } = await promisify(execFile)(process.execPath, [child, dir, at], { env })
  return JSON.parse(stdout) as DecisionDoc[]
}
