import type { FastifyInstance } from 'fastify'
import {
  serviceStates,
  type AlertView,
  type Answers,
  type ServiceState,
  type ServiceView,
  type Spark,
} from '../api.ts'
import { readParams } from '../params.ts'
import type { Context } from '../server.ts'
import type { Level } from '../../pipeline/event.ts'
import type { Histogram, ServiceSummary } from '../../pipeline/store/store.ts'
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
}

interface WholeRange {
  from: number
  to: number
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
  const names = new Set([
    ...[...summaries, ...remembered].map(({ service }) => service),
    ...open.flatMap(({ service }) => service ?? []),
  ])
  const views = [...names].map((service) =>
    viewOf(service, {
      now: summaries.find((summary) => summary.service === service),
      ever: remembered.find((summary) => summary.service === service),
      alerts: open.filter((alert) => alert.service === service),
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
}

function viewOf(service: string, { now, ever, alerts }: Known): ServiceView {
  const levels = now?.levels ?? {}
  const states: ServiceState[] = alerts.map(({ state }) => state as ServiceState)
  const lastMs = now?.lastMs ?? ever?.lastMs
  return {
    service,
    state: serviceStates.find((state) => states.includes(state)) ?? (now ? 'ok' : 'silent'),
    ...(alerts.length > 0 && { since: Math.min(...alerts.map(({ since }) => since)) }),
    alerts: alerts.map(({ alert }) => alert),
    lines: now?.lines ?? 0,
    errors: errorsOf(levels),
    levels,
    tasks: now?.tasks ?? [],
    taskCount: now?.taskCount ?? 0,
    ...(lastMs !== undefined && { lastMs }),
  }
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
  { store, timed }: Context,
  views: ServiceView[],
  range: WholeRange,
): Promise<ServiceView[]> {
  const bucketMs = niceStep(range.to - range.from, 30)
  const drawn = views.slice(0, sparks).map(async (view) => {
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
