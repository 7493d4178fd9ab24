import type { FastifyInstance } from 'fastify'
import {
  serviceStates,
  type AlertView,
  type Answers,
  type InstancesView,
  type ServiceState,
  type ServiceView,
  type Spark,
} from '../api.ts'
import { chartsOf, readCharts } from '../charts.ts'
import { readParams, refusal, type WholeRange } from '../params.ts'
import type { Context } from '../server.ts'
import type { ServiceState as ServiceFacts } from '../../pipeline/service-state.ts'
import { tasksOf } from '../tasks.ts'
import { canaryService } from '../../pipeline/canary.ts'
import type { Level } from '../../pipeline/event.ts'
import type { ScalingPause } from '../../pipeline/scaling-desk.ts'
import type { Histogram, ServiceSummary } from '../../pipeline/store/store.ts'
import { lagsOf } from '../lags.ts'
import { niceStep } from './logs.ts'

const minuteMs = 60_000
/** How long a service that writes nothing stays in the list. */
const rememberedMs = 24 * 60 * minuteMs
const sparks = 60

/** Which service is ill, since when: every service that wrote lately or has an open alert. */
export function serviceRoutes(app: FastifyInstance, context: Context): void {
  const { clock } = context
  app.get('/api/services', async (request): Promise<Answers['/api/services']> => {
    const params = readParams(request.query, ['from', 'to'], clock.now())
    const { from, to = clock.now() + 1 } = params.range()
    const range = { from: from ?? to - 15 * minuteMs, to }
    return { ...range, services: await listServices(context, range) }
  })
  app.get('/api/service', async (request): Promise<Answers['/api/service']> => {
    const params = readParams(request.query, ['service'], clock.now())
    const [name] = (await context.services.resolve(params.list('service'))).services ?? []
    if (name === undefined) throw refusal(400, '"service" is missing', 'name a service')
    const to = clock.now() + 1
    const range = { from: to - 15 * minuteMs, to }
    const service = (await listServices(context, range)).find(({ service }) => service === name)
    if (!service) throw refusal(404, `nothing is known of ${name}`)
    const scaling = context.scaling?.().find(({ service }) => service === name)
    const tasks = await tasksOf(context, service, range)
    return { service, tasks, ...(scaling && { scaling }) }
  })
}

async function listServices(context: Context, range: WholeRange): Promise<ServiceView[]> {
  const { store, timed } = context
  const [summaries, remembered] = await timed('services', () =>
    Promise.all([
      store.services(range),
      store.services({ from: range.to - rememberedMs, to: range.to }),
    ]),
  )
  const open = context.alerts().filter(({ state }) => isOpen(state))
  const facts = new Map(context.serviceFacts?.().map((one) => [one.service, one]))
  const pauses = new Map(context.scaling?.().map((one) => [one.service, one.pauses ?? []]))
  const lags = new Map(lagsOf(context).map((lag) => [lag.service, lag.seconds]))
  const all = new Set([
    ...[...summaries, ...remembered].map(({ service }) => service),
    ...open.flatMap(({ service }) => service ?? []),
    ...facts.keys(),
  ])
  const names = [...all].filter((name) => name !== canaryService)
  const views = names.map((service) =>
    viewOf(service, {
      now: summaries.find((summary) => summary.service === service),
      ever: remembered.find((summary) => summary.service === service),
      alerts: open.filter((alert) => alert.service === service),
      facts: facts.get(service),
      behindSeconds: lags.get(service),
      pauses: pauses.get(service) ?? [],
    }),
  )
  views.sort(byIllness)
  return withSparks(context, views, range)
}

function isOpen(state: AlertView['state']): state is 'firing' | 'unknown' | 'pending' {
  return state === 'firing' || state === 'unknown' || state === 'pending'
}

interface Known {
  now: ServiceSummary | undefined
  ever: ServiceSummary | undefined
  alerts: AlertView[]
  facts: ServiceFacts | undefined
  behindSeconds: number | undefined
  pauses: ScalingPause[]
}

function viewOf(service: string, known: Known): ServiceView {
  const { now, ever, alerts, facts, behindSeconds, pauses } = known
  const levels = now?.levels ?? {}
  const states: ServiceState[] = alerts.map(({ state }) => state as ServiceState)
  const lastMs = now?.lastMs ?? ever?.lastMs
  const lives = now !== undefined || (facts?.running ?? 0) > 0
  return {
    service,
    state: serviceStates.find((state) => states.includes(state)) ?? (lives ? 'ok' : 'silent'),
    ...(alerts.length > 0 && { since: Math.min(...alerts.map(({ since }) => since)) }),
    alerts: alerts.map(({ alert }) => alert),
    lines: now?.lines ?? 0,
    errors: errorsOf(levels),
    levels,
    tasks: now?.tasks ?? [],
    taskCount: now?.taskCount ?? 0,
    ...(lastMs !== undefined && { lastMs }),
    ...(behindSeconds !== undefined && { behindSeconds }),
    ...(facts && factsOf(facts)),
    ...(pauses.length > 0 && { pausedUntil: Math.max(...pauses.map(({ untilMs }) => untilMs)) }),
  }
}

function factsOf(facts: ServiceFacts): Partial<ServiceView> {
  const { owner, runbook, version, deployments, queue } = facts
  return {
    instances: instancesOf(facts),
    ...(owner !== undefined && { owner }),
    ...(runbook !== undefined && { runbook }),
    ...(version !== undefined && { version }),
    ...(deployments.length > 0 && { deployments: deployments.map(({ id }) => id) }),
    ...(queue?.waitingFor?.length && { waitingFor: queue.waitingFor }),
  }
}

function instancesOf({ instances, running, healthy, staged, unhealthy, atMs }: ServiceFacts) {
  return { wanted: instances, running, healthy, staged, unhealthy, atMs } satisfies InstancesView
}

function errorsOf(levels: Partial<Record<Level, number>>): number {
  return (levels.error ?? 0) + (levels.fatal ?? 0)
}

function byIllness(a: ServiceView, b: ServiceView): number {
  const rank = ({ state }: ServiceView) => (state === 'silent' ? 9 : serviceStates.indexOf(state))
  return (
    rank(a) - rank(b) ||
    b.alerts.length - a.alerts.length ||
    b.errors - a.errors ||
    b.lines - a.lines ||
    (a.service < b.service ? -1 : 1)
  )
}

async function withSparks(
  context: Context,
  views: ServiceView[],
  range: WholeRange,
): Promise<ServiceView[]> {
  const { store, timed } = context
  const bucketMs = niceStep(range.to - range.from, 30)
  const charts = await readCharts(context, range, bucketMs)
  const drawn = views.slice(0, sparks).map(async (plain) => {
    const view = { ...plain, ...chartsOf(charts, plain.service, range, bucketMs) }
    if (view.lines === 0) return view
    const query = { ...range, services: [view.service] }
    const histogram = await timed('histogram', () => store.histogram(query, bucketMs))
    return { ...view, spark: sparkOf(histogram, range, bucketMs) }
  })
  return [...(await Promise.all(drawn)), ...views.slice(sparks)]
}

function sparkOf(histogram: Histogram, range: WholeRange, bucketMs: number): Spark {
  const from = Math.floor(range.from / bucketMs) * bucketMs
  const length = Math.floor((range.to - 1 - from) / bucketMs) + 1
  const lines = Array.from({ length }, () => 0)
  const errors = Array.from({ length }, () => 0)
  for (const bucket of histogram.buckets) {
    const at = Math.floor((bucket.from - from) / bucketMs)
    if (at < 0 || at >= length) continue
    lines[at] = Object.values(bucket.levels).reduce((sum, count) => sum + count, 0)
    errors[at] = errorsOf(bucket.levels)
  }
  return { from, bucketMs, lines, errors }
}
