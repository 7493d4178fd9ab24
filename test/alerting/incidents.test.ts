import test, { type ExecutionContext } from 'ava'
import type { RuleDeclaration } from '../../alerting/rules/rule.ts'
import { manualClock, wallClock } from '../../pipeline/clock.ts'
import { msToIso, type ChangeDoc, type SampleDoc } from '../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../pipeline/identity.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { encodeSamples, samplesToBus } from '../../pipeline/sample.ts'
import { topicsOf, type SignalDeclaration, type SignalTopic } from '../../pipeline/signals.ts'
import { unitOf } from '../../pipeline/metric-names.ts'
import { openDeaths } from '../../processors/deaths.ts'
import { openDocIndexer } from '../../processors/index-docs.ts'
import { openSampleIndexer } from '../../processors/index-samples.ts'
import { openMeasurer } from '../../processors/measure.ts'
import { nothingKnown } from '../../processors/resolve.ts'
import { openStore, record } from '../helpers/pipeline.ts'
import { died, status, task } from '../processors/deaths/told.ts'
import {
  mailTo,
  openDesk,
  openMailbox,
  openWorld,
  ruleOf,
  second,
  t0,
  until as untilIn,
} from './world.ts'

/*
 * Incidents as they go from the bus to the mails, through everything between: what is told on `changes` and `metrics`
 * is indexed, deaths are put together, signals are measured, rules are evaluated.
 */

const minute = 60 * second
/** Many parts take their turns. */
const until = (what: string, look: () => boolean | Promise<boolean>) => untilIn(what, look, 60_000)
const at = (seconds: number) => t0 + seconds * second

function signal(declared: Partial<SignalDeclaration>): SignalDeclaration {
  const { metric } = declared
  const unit = metric === undefined ? undefined : unitOf(metric)
  return {
    from: 'changes',
    where: '',
    measure: 'count',
    overMs: minute,
    by: ['service'],
    ...(unit === undefined ? {} : { unit }),
    ...declared,
  }
}

async function openSite(
  t: ExecutionContext,
  signals: Record<string, SignalDeclaration>,
  rule: Partial<RuleDeclaration>,
) {
  const bus = await openWorld(t)
  const store = await openStore(t)
  const mailbox = await openMailbox(t)
  const metrics = openMetrics()
  const base = { bus, store, metrics, log: silentLog }
  const clock = manualClock(at(5))
  const complete = (identity: Identity) => identity
  const parts = [
    openDocIndexer(base),
    openSampleIndexer({ ...base, clock }),
    openDeaths({ ...base, complete, clock, linesThrough: () => Infinity, patienceMs: 200 }),
    openMeasurer({
      ...base,
      catalog: nothingKnown,
      signals,
      resolutionMs: 5 * second,
      rememberMs: 86_400_000,
    }),
  ]
  t.teardown(() => Promise.all(parts.map((part) => part.close())))
  const desk = await openDesk(t, bus, {
    signals,
    rules: [ruleOf({ annotations: {}, ...rule })],
    beginAt: at(-minute / second),
    samples: async ({ service, ...query }) =>
      (await store.search({ ...query, ...(service ? { services: [service] } : {}) })).hits,
    changes: (query) => store.docs('changes', query),
    measurements: (query) => store.samples(query),
    mail: mailTo(mailbox.port),
    clock: wallClock,
    patienceMs: 10_000,
  })
  const topics = topicsOf(signals)
  const sequences = new Map<string, number>()

  const marks = (topic: SignalTopic, through: number) =>
    Array.from({ length: bus.partitions(topic) }, (_, partition) => ({
      key: 'mark',
      value: new Uint8Array(),
      headers: { kind: 'mark', collector: 'one', through: String(through) },
      partition,
    }))

  return {
    store,
    mails: mailbox.mails,
    alerting: desk.alerting,
    tell: (...docs: ChangeDoc[]) =>
      bus.produce(
        'changes',
        docs.map((doc) => ({ key: 'k', value: Buffer.from(JSON.stringify(doc)) })),
      ),
    /** One sample of one thing. */
    measure: (ms: number, values: Record<string, number>, identity: Identity) => {
      const source = `${identity.task ?? ''}${identity.agent ?? ''}`
      const sequence = sequences.get(source) ?? 0
      sequences.set(source, sequence + 1)
      const doc: SampleDoc = {
        '@timestamp': msToIso(ms),
        'event.id': `sample:${source}:l:${sequence}`,
        'event.sequence': sequence,
        metrics: values,
        ...identityToEcs(identity),
      }
      return bus.produce('metrics', [samplesToBus(encodeSamples([doc], { source, lineage: 'l' }))])
    },
    /** Waits until the task's end was told of, with all that is known. */
    deathIsTold: async (name: string, state: string) => {
      await until('its end is told', async () => {
        const docs = await store.docs('changes', { kinds: ['task'], task: name })
        return docs.some((doc) => doc['task.state'] === state && doc['task.last_lines'])
      })
    },
    /** Everything before this time was told; waits until the rules were evaluated as far. */
    async timePasses(through: number) {
      for (const topic of topics) await bus.produce(topic, marks(topic, through))
      await until('evaluated', () => (desk.alerting.through() ?? 0) >= through - 5 * second)
    },
  }
}

/** Subjects, when nothing more is under way. */
async function subjectsOf({ mails }: Awaited<ReturnType<typeof openSite>>, count: number) {
  await until('the mails', () => mails.length >= count)
  return mails.map(({ subject }) => subject)
}

const web: Identity = { service: '/shop/web', task, agent: 'agent-1' }
const oomKills = signal({ where: 'kind:task AND oom:true' })

test('one death for memory, told by three, is one incident: one mail, and one when it is over', async (t) => {
  const site = await openSite(
    t,
    { oom_kills: oomKills },
    { alert: 'OutOfMemory', when: 'oom_kills > 0' },
  )
  await site.store.appendLogs([
    record({ source: 'c:o', identity: web, messages: ['allocating'], times: [at(11)] }),
  ])
  await site.timePasses(at(5))
  const reason = 'REASON_CONTAINER_LIMITATION_MEMORY'
  // First the word that says least; each makes the same change anew.
  await site.tell(status('TASK_FAILED', { ms: at(13), provider: 'marathon' }))
  await site.tell(died({ ms: at(12), code: 137, oom: true }))
  await site.tell(status('TASK_FAILED', { ms: at(12), reason, message: 'Memory limit exceeded' }))
  await site.deathIsTold(task, 'TASK_FAILED')
  for (const seconds of [20, 40, 60, 80, 100, 120]) await site.timePasses(at(seconds))
  t.deepEqual(await subjectsOf(site, 2), [
    '[FIRING] OutOfMemory /shop/web: 1 OOM kill > 0',
    '[RESOLVED] OutOfMemory /shop/web: after 1m, peak 1 OOM kill',
  ])
  const text = site.mails[0]?.text ?? ''
  t.regex(text, /Exit code: +137 \(SIGKILL\)\nOut of memory: yes\n/)
  t.regex(text, /Version: +v7\nImage: +shop\/web:7\n/)
  t.regex(text, /died: out of memory \(exit code 137\)/)
  t.regex(text, /The last lines of shop_web\S+:\n.* {2}allocating\n/)
  t.is(site.mails[1]?.inReplyTo, site.mails[0]?.messageId)
})

test('a restart loop fires at the fourth death, and not for what was asked for', async (t) => {
  const deaths = signal({ where: 'kind:task AND action:died', overMs: 10 * minute })
  const site = await openSite(t, { deaths }, { alert: 'RestartLoop', when: 'deaths > 3' })
  await site.timePasses(at(0))
  const identity = (n: number): Identity => ({
    service: '/shop/web',
    task: `shop_web.${n}`,
    container: `c${n}`,
    containerName: `mesos-${n}`,
  })
  for (let n = 0; n < 3; n++) {
    await site.tell(
      died({ ms: at(10 * n + 1), code: 1, identity: identity(n) }),
      status('TASK_FAILED', { ms: at(10 * n + 2), identity: identity(n) }),
      // A deployment goes on at the same time.
      died({ ms: at(10 * n + 1), code: 143, identity: identity(n + 10) }),
      status('TASK_KILLED', { ms: at(10 * n + 2), identity: identity(n + 10) }),
    )
    await site.deathIsTold(`shop_web.${n}`, 'TASK_FAILED')
    await site.deathIsTold(`shop_web.${n + 10}`, 'TASK_KILLED')
  }
  await site.timePasses(at(40))
  t.deepEqual(site.alerting.alerts(), [])

  await site.tell(status('TASK_FAILED', { ms: at(45), identity: identity(3) }))
  await site.deathIsTold('shop_web.3', 'TASK_FAILED')
  await site.timePasses(at(60))
  t.deepEqual(await subjectsOf(site, 1), ['[FIRING] RestartLoop /shop/web: 4 deaths > 3'])
  const text = site.mails[0]?.text ?? ''
  t.is(text.match(/ {2}\/shop\/web task shop_web\.\d died: /g)?.length, 4)
  t.regex(text, /Newest task: +shop_web\.3\n/)
  t.regex(text, /Instances: +shop_web\.0, shop_web\.1, shop_web\.2, shop_web\.3/)
  t.regex(site.alerting.alerts()[0]?.link ?? '', /#\/changes\?service=\/shop\/web&query=kind/)
})

test('a task near its memory limit, by itself; it ends when the task is measured below it', async (t) => {
  const memory = signal({
    from: 'metrics',
    metric: 'container.memory.utilization',
    measure: 'min',
    overMs: 10 * second,
    by: ['service', 'task'],
  })
  const site = await openSite(
    t,
    { memory },
    { alert: 'MemoryNearLimit', when: 'memory > 0.9', forMs: 10 * second },
  )
  await site.timePasses(at(0))
  for (let s = 1; s < 60; s += 5) {
    const used = s < 30 ? 0.97 : 0.5
    await site.measure(at(s), { [memory.metric as string]: used }, { ...web, task: 'web.1' })
    await site.measure(at(s), { [memory.metric as string]: 0.3 }, { ...web, task: 'web.2' })
    await site.timePasses(at(s + 4))
  }
  t.deepEqual(await subjectsOf(site, 2), [
    '[FIRING] MemoryNearLimit /shop/web: 97 % > 90 %',
    '[RESOLVED] MemoryNearLimit /shop/web: after 30s, peak 97 %',
  ])
  const text = site.mails[0]?.text ?? ''
  t.regex(text, /Task: +web\.1\n/)
  t.regex(text, /worst first:\n {2}web\.1 on agent-1: 97 %\n\n/)
})

test('a deployment that is stuck', async (t) => {
  const where = 'kind:deployment AND action:stuck'
  const site = await openSite(
    t,
    { stuck_deployments: signal({ where, overMs: 5 * minute }) },
    { alert: 'DeploymentStuck', when: 'stuck_deployments > 0' },
  )
  await site.timePasses(at(0))
  const stuck: ChangeDoc = {
    '@timestamp': msToIso(at(3)),
    'event.id': 'change:deployment:d1:stuck:1:/shop/web',
    'event.kind': 'deployment',
    'event.action': 'stuck',
    message: 'deployment d1 of /shop/web waits for cpus since 11 min',
    ...identityToEcs({ service: '/shop/web', deployment: 'd1' }),
  }
  const started = { ...stuck, 'event.id': 'started', 'event.action': 'started' }
  await site.tell(started, stuck, stuck)
  await site.timePasses(at(15))
  t.deepEqual(await subjectsOf(site, 1), [
    '[FIRING] DeploymentStuck /shop/web: 1 stuck deployment > 0',
  ])
  t.regex(site.mails[0]?.text ?? '', /Deployment: +d1\n[^]*waits for cpus since 11 min/)
})

test('no leader: no master says that it is elected', async (t) => {
  const elected = signal({
    from: 'metrics',
    metric: 'mesos.master.elected',
    measure: 'max',
    overMs: 10 * second,
    by: ['cluster'],
  })
  const site = await openSite(
    t,
    { elected },
    { alert: 'NoLeader', when: 'elected < 1', forMs: 10 * second },
  )
  await site.timePasses(at(0))
  for (let s = 1; s < 60; s += 5) {
    const leads = s < 15 || s > 40 ? 1 : 0
    const of = (agent: string) => ({ cluster: 'main', agent })
    await site.measure(at(s), { 'mesos.master.elected': leads }, of('master-1'))
    await site.measure(at(s), { 'mesos.master.elected': 0 }, of('master-2'))
    await site.timePasses(at(s + 4))
  }
  t.deepEqual(await subjectsOf(site, 2), [
    '[FIRING] NoLeader main: elected = 0 < 1',
    '[RESOLVED] NoLeader main: after 20s, peak 0',
  ])
})

test('no leader: nobody measures it any more', async (t) => {
  const unmeasured = signal({
    from: 'metrics',
    metric: 'mesos.master.elected',
    measure: 'absent',
    overMs: 30 * second,
    by: ['cluster'],
  })
  const site = await openSite(t, { unmeasured }, { alert: 'MasterSilent', when: 'unmeasured == 1' })
  await site.timePasses(at(0))
  await site.measure(at(1), { 'mesos.master.elected': 1 }, { cluster: 'main', agent: 'master-1' })
  for (const seconds of [10, 20, 30, 40, 50]) await site.timePasses(at(seconds))
  t.deepEqual(await subjectsOf(site, 1), ['[FIRING] MasterSilent main: not measured for 34s'])
})
