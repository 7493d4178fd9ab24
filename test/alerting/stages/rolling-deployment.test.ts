import test from 'ava'
import type { PostedAlert } from '../../../alerting/stages/alerts.ts'
import { readStagesConfig } from '../../../alerting/stages/config.ts'
import { createDispatcher, type DispatcherState } from '../../../alerting/stages/dispatch.ts'
import { createLease, type LeaseState } from '../../../alerting/stages/lease.ts'
import { leaseFactOf, leaseFactsOf } from '../../../alerting/stages/lease-facts.ts'
import { msToIso, type ChangeDoc } from '../../../pipeline/event.ts'
import type { ServiceState } from '../../../pipeline/service-state.ts'

const config = readStagesConfig(
  `
route:
  receiver: nobody
  group_by: [alertname, service]
  group_wait: 30s
  group_interval: 1m
  repeat_interval: 4h
  routes: [{receiver: pager, matchers: ['severity="page"']}]
receivers:
- {name: nobody}
- name: pager
  webhook_configs: [{url: 'http://127.0.0.1/'}]
`,
  'test.yml',
)

const t0 = Date.parse('2026-11-22T18:00:00Z')
const second = 1000
const minute = 60 * second
const hour = 60 * minute
const service = '/shop/web'

/** What happens at a time after the beginning, ms. */
type Happening = { at: number } & (
  | { change: string; step?: number }
  | { polled: true }
  | { alert: string; task: string; fires: boolean }
)

function changeDoc(at: number, action: string, step: number): ChangeDoc {
  return {
    '@timestamp': msToIso(t0 + at),
    'event.id': `change:deployment:5ed4:${action}:${service}`,
    'event.kind': 'deployment',
    'event.action': action,
    message: '',
    'marathon.deployment.id': '5ed4',
    'service.name': service,
    'deployment.affected': [service],
    'deployment.step': step,
    'deployment.steps': 2,
  }
}

/** As Marathon tells it every ten seconds while the deployment runs. */
function polls(from: number, to: number): Happening[] {
  const count = Math.floor((to - from) / (10 * second))
  return Array.from({ length: count }, (_, i) => ({ at: from + i * 10 * second, polled: true }))
}

/** Ten tasks, one a minute: it ends, the new one fails its checks for a while. */
function tenTasks(): Happening[] {
  return Array.from({ length: 10 }, (_, i) => i).flatMap((i): Happening[] => {
    const at = i * minute
    return [
      { at: at + second, alert: 'TaskDied', task: `web.${i}`, fires: true },
      { at: at + 5 * second, alert: 'TaskUnhealthy', task: `web.${i + 10}`, fires: true },
      { at: at + 50 * second, alert: 'TaskUnhealthy', task: `web.${i + 10}`, fires: false },
      { at: at + 80 * second, alert: 'TaskDied', task: `web.${i}`, fires: false },
    ]
  })
}

interface Told {
  /** `930 firing DeploymentStuck 5ed4`: seconds after the beginning. */
  pages: string[]
}

/** The story on a dispatcher; `restarts`: lease and dispatcher are stopped and restored after each happening. */
function play(happenings: readonly Happening[], { holds = true, restarts = false } = {}): Told {
  let lease = createLease()
  const held = (labels: Record<string, string>, now: number) =>
    holds ? lease.heldBy(labels, now) : undefined
  let dispatcher = createDispatcher(config, t0, undefined, { held })
  const pages: string[] = []
  const post = (alerts: readonly PostedAlert[], now: number) => dispatcher.post(alerts, now)

  function runTo(end: number): void {
    for (;;) {
      const due = Math.min(lease.nextDue() ?? Infinity, dispatcher.nextDue() ?? Infinity)
      if (due > end) return
      const now = Math.max(due, t0)
      post(lease.advance(now), now)
      for (const { id, status, alerts } of dispatcher.advance(now)) {
        const [{ labels } = { labels: {} as Record<string, string> }] = alerts
        const what = [labels['alertname'], labels['deployment'] ?? labels['task']].join(' ')
        pages.push(`${(now - t0) / second} ${status} ${what}`)
        dispatcher.answer(id, 'sent', now)
      }
    }
  }

  function happen(one: Happening): void {
    const now = t0 + one.at
    if ('change' in one) {
      const fact = leaseFactOf(changeDoc(one.at, one.change, one.step ?? 1))
      if (fact) lease.take(fact, now)
    } else if ('polled' in one) {
      const deployments = [{ id: '5ed4', sinceMs: t0 }]
      const state = { service, marathon: 'marathon', atMs: now, deployments }
      for (const fact of leaseFactsOf(state as unknown as ServiceState)) lease.take(fact, now)
    } else {
      const { alert: alertname, task, fires } = one
      const labels = { alertname, service, task, severity: 'page' }
      post([{ labels, startsAt: fires ? now : t0, endsAt: fires ? now + hour : now }], now)
    }
  }

  function restart(now: number): void {
    const state = JSON.parse(JSON.stringify(dispatcher.state(now))) as DispatcherState
    lease = createLease({}, JSON.parse(JSON.stringify(lease.state())) as LeaseState)
    dispatcher = createDispatcher(config, now, state, { held })
  }

  for (const one of happenings.toSorted((a, b) => a.at - b.at)) {
    runTo(t0 + one.at)
    happen(one)
    if (restarts) restart(t0 + one.at)
  }
  runTo(t0 + 2 * hour)
  return { pages }
}

const started: Happening = { at: 0, change: 'started' }

test('ten tasks that are replaced one by one: no page', (t) => {
  const story: Happening[] = [
    started,
    ...polls(0, 10 * minute),
    ...tenTasks(),
    { at: 5 * minute, change: 'step', step: 2 },
    { at: 10 * minute, change: 'succeeded', step: 2 },
  ]
  t.deepEqual(play(story).pages, [])
  t.true(play(story, { holds: false }).pages.length > 2, 'without the lease there are many')
})

test('stuck past its cap: one page, which names the deployment; resolved when it ends', (t) => {
  const story: Happening[] = [
    started,
    ...polls(0, 40 * minute),
    ...tenTasks(),
    { at: 20 * minute, change: 'stuck' },
    { at: 40 * minute, change: 'failed' },
  ]
  const pages = ['930 firing DeploymentStuck 5ed4', '2430 resolved DeploymentStuck 5ed4']
  t.deepEqual(play(story).pages, pages)
  t.deepEqual(play(story, { restarts: true }).pages, pages)
})

test('what a deployment leaves broken is told after it, and what it mended too', (t) => {
  const story: Happening[] = [
    { at: 0, alert: 'TaskUnhealthy', task: 'web.old', fires: true },
    { ...started, at: minute },
    ...polls(minute, 3 * minute),
    { at: 2 * minute, alert: 'TaskUnhealthy', task: 'web.old', fires: false },
    { at: 2 * minute, alert: 'TaskDied', task: 'web.new', fires: true },
    { at: 3 * minute, change: 'succeeded' },
    { at: 9 * minute, alert: 'TaskDied', task: 'web.new', fires: false },
  ]
  t.deepEqual(play(story).pages, [
    '30 firing TaskUnhealthy web.old',
    '150 resolved TaskUnhealthy web.old',
    '210 firing TaskDied web.new',
    '570 resolved TaskDied web.new',
  ])
})

test('Marathon is away: the lease ends by itself, and what fires is told', (t) => {
  const story: Happening[] = [
    started,
    ...polls(0, minute),
    { at: minute, alert: 'TaskDied', task: 'web.1', fires: true },
  ]
  const [first] = play(story).pages
  t.is(first, '210 firing TaskDied web.1')
})
