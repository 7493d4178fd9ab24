import test, { type ExecutionContext } from 'ava'
import { gatherEvidence, type EvidenceOptions } from '../../alerting/evidence.ts'
import { renderMessage } from '../../alerting/message.ts'
import type { Notification } from '../../alerting/records.ts'
import type { SignalFacts } from '../../alerting/words.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { msToIso, type ChangeDoc, type SampleDoc } from '../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../pipeline/identity.ts'
import type { Store } from '../../pipeline/store/store.ts'
import { openStore, record } from '../helpers/pipeline.ts'
import { second, t0 } from './world.ts'

const minute = 60 * second
const MiB = 2 ** 20
const task = 'shop_web.instance-8c1f25aa-e6a2-11f1-bdef-02fc00000001._app.1'
const web: Identity = {
  service: '/shop/web',
  task,
  agent: 'agent-1',
  version: '2026-11-22T17:00:00.000Z',
  image: 'shop/web:7',
}
const shop: Identity = { service: '/shop/web' }
const diedAt = t0 - 20 * second

function death(more: Record<string, unknown> = {}, identity: Identity = web): ChangeDoc {
  return {
    '@timestamp': msToIso(diedAt),
    'event.id': `change:task:${identity.task}:${diedAt}`,
    'event.kind': 'task',
    'event.action': 'died',
    message: '/shop/web task 8c1f25aa… died: out of memory (exit code 137, limit 128 MiB)',
    'process.exit_code': 137,
    'container.oom_killed': true,
    'container.memory.limit': 128 * MiB,
    'container.memory.usage': 127 * MiB,
    'task.state': 'TASK_FAILED',
    'task.reason': 'REASON_CONTAINER_LIMITATION_MEMORY',
    'task.uptime_seconds': 190,
    'task.last_lines': ['as it was kept'],
    ...more,
    ...identityToEcs(identity),
  }
}

function sample(n: number, metrics: Record<string, number>, identity: Identity): SampleDoc {
  return {
    '@timestamp': msToIso(t0 - 5 * second + n),
    'event.id': `sample:a:l:${n}`,
    'event.sequence': n,
    metrics,
    ...identityToEcs(identity),
  }
}

const oom: SignalFacts = {
  name: 'oom_kills',
  from: 'changes',
  where: 'kind:task AND oom:true',
  measure: 'count',
  overMs: minute,
}
const memory: SignalFacts = {
  name: 'memory',
  from: 'metrics',
  metric: 'container.memory.utilization',
  unit: 'ratio',
  where: '',
  measure: 'max',
  overMs: minute,
}

function notification(
  alert: string,
  signal: SignalFacts,
  { value = 1, threshold = 0, group = shop, resolved = false } = {},
): Notification {
  return {
    incident: 'f00d-1',
    state: resolved ? 'resolved' : 'firing',
    ts: resolved ? t0 + 5 * minute : t0,
    alert: {
      fingerprint: 'f00d',
      labels: { alertname: alert, severity: 'page' },
      group,
      value,
      threshold,
      signals: { [signal.name]: value },
      lastMs: diedAt,
      annotations: {},
      state: resolved ? 'inactive' : 'firing',
      activeAt: t0,
      ...(resolved ? { resolvedAt: t0 + 5 * minute } : {}),
      peak: value,
    },
    facts: {
      alert,
      when: `${signal.name} > ${threshold}`,
      forMs: 0,
      lowIsWorse: false,
      signals: [signal],
      comparison: {
        left: signal.name,
        signal: signal.name,
        operator: '>',
        right: String(threshold),
      },
    },
    sent: false,
    deliveries: {},
  }
}

/** As `main.ts` hands them in. */
function sourcesOf(store: Store): Omit<EvidenceOptions, 'signal'> {
  return {
    samples: async ({ service, ...query }) =>
      (await store.search({ ...query, ...(service ? { services: [service] } : {}) })).hits,
    changes: (query) => store.docs('changes', query),
    measurements: (query) => store.samples(query),
    aboutService: (service) =>
      service === '/shop/web'
        ? {
            owner: 'team-shop',
            runbook: 'https://runbooks.test/web',
            instances: 3,
            running: 2,
            healthy: 2,
            hasChecks: true,
          }
        : undefined,
    clock: wallClock,
    patienceMs: 10_000,
  }
}

async function mailOf(told: Notification, options: Omit<EvidenceOptions, 'signal'>) {
  const { signal } = new AbortController()
  const evidence = await gatherEvidence(told, { ...options, signal })
  const message = renderMessage(told, evidence, { publicUrl: 'https://logs.test', nowMs: told.ts })
  return { evidence, ...message }
}

async function openShop(t: ExecutionContext) {
  const store = await openStore(t)
  return { store, options: sourcesOf(store) }
}

const placesIn = (text: string) =>
  [...text.matchAll(/https:\/\/logs\.test\/#\/(\w+)\?(\S+)/g)].map(([, view, query]) => [
    view,
    Object.fromEntries(new URLSearchParams(query)),
  ])

test('the mail of a task that ran out of memory is its post-mortem', async (t) => {
  const { store, options } = await openShop(t)
  const messages = Array.from({ length: 120 }, (_, i) => `line ${i}`)
  const times = messages.map((_, i) => diedAt - 120_000 + i * 1000)
  await store.appendLogs([
    record({ source: 'c:o', identity: web, messages, times }),
    record({ source: 'd:o', identity: { ...web, task: 'other' }, times: [diedAt - 10] }),
  ])
  await store.putDocs('changes', [death(), death({}, { ...web, service: '/other', task: 'x' })])
  const { subject, text, html, evidence } = await mailOf(notification('OutOfMemory', oom), options)
  t.is(subject, '[FIRING] OutOfMemory /shop/web: 1 OOM kill > 0')
  const parts = text.split(/\n\n(?=These changes|What happened|The last lines)/)
  const [head = '', links = '', happened = '', lines = ''] = parts
  t.is(
    head,
    [
      'FIRING OutOfMemory /shop/web: 1 OOM kill > 0',
      '',
      'Service:       /shop/web',
      'Condition:     oom_kills > 0',
      'Value:         1 OOM kill > 0',
      'Since:         2026-11-22 18:00:00 UTC',
      `Task:          ${task}`,
      'Agent:         agent-1',
      'Version:       2026-11-22T17:00:00.000Z',
      'Image:         shop/web:7',
      'Exit code:     137 (SIGKILL)',
      'Out of memory: yes',
      'Memory:        127 MiB of 128 MiB when measured last',
      'Uptime:        3 min',
      'Mesos says:    TASK_FAILED, REASON_CONTAINER_LIMITATION_MEMORY',
      'Death:         number 1 of the service within 10 minutes',
      'Marathon:      3 wanted, 2 running, 2 healthy',
      'Severity:      page',
      'Owner:         team-shop',
      'Runbook:       https://runbooks.test/web',
    ].join('\n'),
  )
  t.is(
    happened,
    'What happened:\n  2026-11-22 17:59:40 UTC  /shop/web task 8c1f25aa… died: out of memory (exit code 137, limit 128 MiB)',
  )
  t.regex(lines, new RegExp(`^The last lines of ${task}:\n  2026-11-22 17:58:00 UTC  line 20\n`))
  t.regex(lines, /line 119\n/)
  t.is(lines.match(/ {2}line \d+\n/g)?.length, 100)
  t.is(evidence.missing, undefined)
  t.deepEqual(evidence.tasks, [task])

  const times_ = { from: '2026-11-22T17:59:00.000Z', to: '2026-11-22T18:00:00.000Z' }
  t.deepEqual(placesIn(links), [
    ['changes', { service: '/shop/web', kind: 'task', query: oom.where, ...times_ }],
    ['why', { task }],
    [
      'logs',
      {
        service: '/shop/web',
        query: `task:"${task}"`,
        from: '2026-11-21T17:59:40.000Z',
        to: '2026-11-22T17:59:41.000Z',
      },
    ],
    [
      'service',
      { service: '/shop/web', from: '2026-11-22T17:45:00.000Z', to: '2026-11-22T18:00:00.000Z' },
    ],
  ])
  t.regex(
    html,
    />Open these changes<[^]*>Open why this task ended<[^]*>Open the lines of this task<[^]*line 119/,
  )
  t.regex(html, /line 119/)
})

test('when it is over the mail is short, and its link holds all of it', async (t) => {
  const { store, options } = await openShop(t)
  await store.putDocs('changes', [death()])
  const over = notification('OutOfMemory', oom, { resolved: true })
  const { subject, text } = await mailOf(over, options)
  t.is(subject, '[RESOLVED] OutOfMemory /shop/web: after 5m, peak 1 OOM kill')
  t.notRegex(text, /What happened|as it was kept/)
  t.regex(text, /Owner: +team-shop/)
  t.regex(text, /The changes of this incident: .*#\/changes\?service=.*&to=2026-11-22T18:05/)
})

test('lines that are gone from the store are those kept with the death', async (t) => {
  const { store, options } = await openShop(t)
  await store.putDocs('changes', [death()])
  const { text } = await mailOf(notification('OutOfMemory', oom), options)
  t.regex(text, /The last lines of shop_web\S+:\n {2}as it was kept\n/)
  const failing = { ...options, samples: () => Promise.reject(new Error('the store is away')) }
  t.regex((await mailOf(notification('OutOfMemory', oom), failing)).text, /as it was kept/)
})

test('a death whose lines are still being gathered is waited for, a short while', async (t) => {
  const { options } = await openShop(t)
  const early = death({ 'task.last_lines': undefined })
  let asked = 0
  const changes: EvidenceOptions['changes'] = async ({ kinds }) =>
    kinds ? [] : [++asked < 3 ? early : death()]
  const late = await mailOf(notification('OutOfMemory', oom), {
    ...options,
    changes,
    patienceMs: 20_000,
  })
  t.is(asked, 3)
  t.regex(late.text, /as it was kept/)
  const never = await mailOf(notification('OutOfMemory', oom), {
    ...options,
    changes: async () => [early],
    patienceMs: 100,
  })
  t.regex(never.text, /Exit code: +137/)
})

test('a store that is away, or finds nothing, is no reason to keep silent', async (t) => {
  const { options } = await openShop(t)
  const none = { ...options, changes: async () => [], patienceMs: 100 }
  const nothing = await mailOf(notification('OutOfMemory', oom), none)
  t.regex(nothing.text, /no matching changes were found/)
  t.regex(nothing.text, /Marathon: +3 wanted/)
  const away = () => Promise.reject(new Error('the store is away'))
  const broken = {
    ...options,
    changes: away,
    measurements: away,
    samples: away,
    patienceMs: 100,
    aboutService: () => {
      throw new Error('no')
    },
  }
  const failed = await mailOf(notification('OutOfMemory', oom), broken)
  t.regex(failed.text, /the changes could not be searched: the store is away/)
  t.is(
    (await mailOf(notification('M', memory, { value: 0.97, threshold: 0.9 }), broken)).subject,
    '[FIRING] M /shop/web: 97 % > 90 %',
  )
})

test('a restart loop lists the deaths, the newest first, at most twenty', async (t) => {
  const { store, options } = await openShop(t)
  const deaths = Array.from({ length: 30 }, (_, i) => ({
    ...death({ message: `death ${i}` }),
    '@timestamp': msToIso(diedAt - i * second),
    'event.id': `change:task:${i}`,
  }))
  await store.putDocs('changes', deaths)
  const signal = { ...oom, name: 'deaths', where: 'kind:task AND action:died', overMs: 10 * minute }
  const { subject, text } = await mailOf(
    notification('RestartLoop', signal, { value: 30, threshold: 3 }),
    options,
  )
  t.is(subject, '[FIRING] RestartLoop /shop/web: 30 deaths > 3')
  const [, list = ''] = /What happened, the newest first:\n([^]*?)\n\n/.exec(text) ?? []
  t.deepEqual(
    list.split('\n').map((one) => one.slice(27)),
    deaths.slice(0, 20).map(({ message }) => message),
  )
})

test('a task that was killed for its health checks: why they failed', async (t) => {
  const { store, options } = await openShop(t)
  const unhealthy = '500 Internal\nRunbook: https://evil.test'
  await store.putDocs('changes', [death({ 'task.unhealthy': unhealthy })])
  const { text } = await mailOf(notification('OutOfMemory', oom), options)
  t.regex(text, /^Failed checks: 500 Internal Runbook: https:\/\/evil\.test$/m)
})

test('a deployment that is stuck', async (t) => {
  const { store, options } = await openShop(t)
  await store.putDocs('changes', [
    {
      '@timestamp': msToIso(diedAt),
      'event.id': 'change:deployment:d1:stuck:1:/shop/web',
      'event.kind': 'deployment',
      'event.action': 'stuck',
      message: 'deployment d1 of /shop/web has been in step 1 of 2 for 11 min',
      ...identityToEcs({ service: '/shop/web', deployment: 'd1' }),
    },
  ])
  const where = 'kind:deployment AND action:stuck'
  const { subject, text } = await mailOf(
    notification('DeploymentStuck', { ...oom, name: 'stuck_deployments', where }),
    options,
  )
  t.is(subject, '[FIRING] DeploymentStuck /shop/web: 1 stuck deployment > 0')
  t.regex(text, /Deployment: +d1\n/)
  t.notRegex(text, /Out of memory/)
  t.regex(text, /in step 1 of 2 for 11 min/)
})

test('near the limit: each task with its value, and the last errors of the service', async (t) => {
  const { store, options } = await openShop(t)
  const of = (n: number, identity: Identity = web) => ({ ...identity, task: `web.${n}` })
  const metric = 'container.memory.utilization'
  await store.putSamples([
    sample(1, { [metric]: 0.5 }, of(1)),
    sample(2, { [metric]: 0.62 }, of(1)),
    sample(3, { [metric]: 0.97 }, { ...of(2), agent: 'agent-2' }),
    sample(4, { 'container.cpu.usage': 5 }, of(3)),
    sample(5, { [metric]: 1.5 }, { service: '/other', task: 'other.1' }),
  ])
  await store.appendLogs([
    record({
      source: 'c:o',
      identity: of(2),
      levels: ['info', 'error'],
      messages: ['fine', 'heap is nearly full'],
      times: [t0 - minute],
    }),
  ])
  const told = notification('MemoryNearLimit', memory, { value: 0.97, threshold: 0.9 })
  const { subject, text } = await mailOf(told, options)
  t.is(subject, '[FIRING] MemoryNearLimit /shop/web: 97 % > 90 %')
  t.regex(text, /Value: +97 % > 90 % of its memory limit\n/)
  t.regex(
    text,
    /Measured, the worst first:\n {2}web\.2 on agent-2: 97 %\n {2}web\.1 on agent-1: 62 %\n\n/,
  )
  t.regex(text, /The last errors of the service:\n.*heap is nearly full\n/)
  t.notRegex(text, /fine|other\.1/)
  const times = { from: '2026-11-22T17:45:00.000Z', to: '2026-11-22T18:00:00.000Z' }
  t.deepEqual(placesIn(text), [
    ['service', { service: '/shop/web', ...times }],
    ['logs', { service: '/shop/web', query: 'level:error OR level:fatal', ...times }],
  ])

  const group = { service: '/shop/web', task: 'web.1' }
  const one = notification('MemoryNearLimit', memory, { value: 0.97, threshold: 0.9, group })
  const { text: ofOne } = await mailOf(one, options)
  t.regex(ofOne, /Task: +web\.1\n/)
  t.regex(ofOne, /worst first:\n {2}web\.1 on agent-1: 62 %\n$/)
  t.notRegex(ofOne, /heap is nearly full/)

  const unheard: SignalFacts = { ...memory, name: 'unheard', measure: 'absent' }
  const gone = await mailOf(notification('Unheard', unheard), options)
  t.regex(gone.subject, /not measured for/)
  t.notRegex(gone.text, /the worst first/, 'what was measured before tells nothing of that')
})

test('a service that never wrote a line has owner, runbook and standing all the same', async (t) => {
  const { options } = await openShop(t)
  const told = notification('MemoryNearLimit', memory, { value: 0.97, threshold: 0.9 })
  const { text } = await mailOf(told, options)
  t.regex(text, /Marathon: +3 wanted, 2 running, 2 healthy\n/)
  t.regex(text, /Owner: +team-shop\nRunbook: +https:\/\/runbooks\.test\/web\n/)
  t.deepEqual(
    placesIn(text).map(([view]) => view),
    ['service'],
  )
})

test('an alert on the cluster itself opens the changes of that time', async (t) => {
  const { store, options } = await openShop(t)
  const elected: SignalFacts = {
    ...memory,
    name: 'elected',
    metric: 'mesos.master.elected',
    measure: 'max',
  }
  delete elected.unit
  await store.putSamples([
    sample(1, { 'mesos.master.elected': 0 }, { cluster: 'main', agent: 'master-1' }),
  ])
  const told = notification('NoLeader', elected, {
    value: 0,
    threshold: 1,
    group: { cluster: 'main' },
  })
  told.facts = { ...told.facts, lowIsWorse: true }
  const { subject, text } = await mailOf(told, options)
  t.is(subject, '[FIRING] NoLeader main: elected = 0 > 1')
  t.regex(text, /worst first:\n {2}on master-1: 0\n/)
  t.is(placesIn(text)[0]?.[0], 'changes')
})

test('whatever texts hold, in a mail they are text, and bounded', async (t) => {
  const { store, options } = await openShop(t)
  const evil = `<script>alert(1)</script>\u001b[31m\u0000\u202e"\\ OR kind:alert`
  const identity = { ...web, task: `web.1${evil}`, image: evil, agent: evil }
  const flood = 'x'.repeat(5_000_000)
  await store.putDocs('changes', [
    death(
      {
        message: `${evil}\n${flood}`,
        'task.message': evil,
        'task.last_lines': Array.from({ length: 1000 }, () => `${evil}${'y'.repeat(3000)}`),
        'process.exit_code': 'evil',
        'container.memory.usage': { evil },
      },
      identity,
    ),
  ])
  const group = { service: '/shop/web', task: `web.1${evil}` }
  const { subject, text, html } = await mailOf(notification('Oom', oom, { group }), options)
  for (const part of [subject, text, html]) {
    // oxlint-disable-next-line no-control-regex
    t.notRegex(part, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]|\[31m/)
  }
  t.regex(text, /What happened/)
  t.notRegex(html, /<script/)
  t.true(text.length < 60_000, `${text.length}`)
  t.true(html.length < 120_000, `${html.length}`)

  const long = { service: '/shop/web', task: 'z'.repeat(10_000) }
  const soon = { ...options, patienceMs: 0 }
  const refused = await mailOf(notification('Oom', oom, { group: long }), soon)
  t.regex(refused.text, /could not be searched: the query is longer/)
})

test('the mail of a death names which one it is, and the deployment before it', async (t) => {
  const { store, options } = await openShop(t)
  const began = diedAt - 3 * minute
  await store.putDocs('changes', [
    {
      '@timestamp': msToIso(began),
      'event.id': 'change:deployment:d1:started:/shop/web',
      'event.kind': 'deployment',
      'event.action': 'started',
      message: 'deployment d1 of /shop/web started',
      ...identityToEcs({ ...shop, deployment: 'd1' }),
    },
    death(
      { '@timestamp': msToIso(diedAt - 2 * minute), 'event.id': 'change:task:web.0:1' },
      { ...web, task: 'web.0' },
    ),
    death(),
  ])
  const { text } = await mailOf(notification('OutOfMemory', oom), options)
  t.regex(text, /Death: +number 2 of the service within 10 minutes\n/)
  t.regex(text, /Last deployment: +d1, begun 3 min before, started\n/)
  t.regex(text, /Why this task ended: .*#\/why\?task=shop_web/)
})
