import type { FastifyInstance } from 'fastify'
import type { Answers } from '../api.ts'
import { lineFilterNames, readLineFilter, readParams, refusal } from '../params.ts'
import type { LogQuery } from '../../pipeline/store/store.ts'
import type { Context } from '../server.ts'

/** Searching lines, what stands around one, and how many there are over time. */
export function logRoutes(app: FastifyInstance, context: Context): void {
  searchRoute(app, context)
  contextRoute(app, context)
  histogramRoute(app, context)
}

function searchRoute(app: FastifyInstance, { store, clock, services, timed }: Context): void {
  const names = ['service', ...lineFilterNames, 'from', 'to', 'order', 'limit', 'cursor']
  app.get('/api/logs', async (request): Promise<Answers['/api/logs']> => {
    const params = readParams(request.query, names, clock.now())
    const order = params.text('order') ?? 'desc'
    if (order !== 'asc' && order !== 'desc') throw refusal(400, '"order" is neither asc nor desc')
    const limit = params.integer('limit', { min: 1, max: 1000, unset: 200 })
    const place = openCursor(params.text('cursor', 2000))
    const scope = {
      ...(place?.range ?? params.range()),
      ...(await services.resolve(params.list('service'))),
    }
    const query: LogQuery = { ...scope, ...readLineFilter(params), order, limit }
    const { hits, next } = await timed('search', () =>
      store.search({ ...query, ...(place && { cursor: place.cursor }) }),
    )
    return { ...scope, hits, ...(next !== undefined && { next: sealCursor(scope, next) }) }
  })
}

interface Range {
  from?: number
  to?: number
}

/** A page is asked for with the range of the first one: "15 minutes ago" must not move while somebody reads on. */
function sealCursor({ from, to }: Range, cursor: string): string {
  return `${from ?? ''}.${to ?? ''}.${cursor}`
}

function openCursor(text: string | undefined): { range: Range; cursor: string } | undefined {
  if (text === undefined) return undefined
  const match = /^(\d{0,15})\.(\d{0,15})\.(.+)$/s.exec(text)
  if (!match) throw refusal(400, 'this is no cursor', 'send "next" of the page before, unchanged')
  const [, from, to, cursor = ''] = match
  return { range: { ...(from && { from: +from }), ...(to && { to: +to }) }, cursor }
}

function contextRoute(app: FastifyInstance, { store, clock, timed }: Context): void {
  app.get('/api/logs/context', async (request): Promise<Answers['/api/logs/context']> => {
    const params = readParams(request.query, ['id', 'before', 'after'], clock.now())
    const id = params.text('id')
    if (id === undefined) throw refusal(400, '"id" is missing', 'give the event.id of a line')
    const around = { min: 0, max: 500, unset: 10 }
    const [before, after] = [params.integer('before', around), params.integer('after', around)]
    const lines = await timed('context', () => store.context(id, before, after))
    if (lines) return { id, lines }
    throw refusal(404, `there is no line ${id}`, 'its day may have been deleted by retention')
  })
}

/** Steps a person can read off an axis, ms. */
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 10_800, 43_200, 86_400].map(
  (seconds) => seconds * 1000,
)

/** The step by which a range has at most `most` buckets. */
export function niceStep(rangeMs: number, most: number): number {
  const day = steps.at(-1) as number
  return steps.find((step) => (rangeMs - 1) / step <= most) ?? Math.ceil(rangeMs / most / day) * day
}

const maxBuckets = 2000
const hourMs = 3_600_000

function histogramRoute(app: FastifyInstance, { store, clock, services, timed }: Context): void {
  const names = ['service', ...lineFilterNames, 'from', 'to', 'bucket']
  app.get('/api/histogram', async (request) => {
    const params = readParams(request.query, names, clock.now())
    const asked = params.range()
    const to = asked.to ?? clock.now() + 1
    const range = { from: asked.from ?? to - hourMs, to }
    const bucketMs = params.duration('bucket') ?? niceStep(range.to - range.from, 120)
    if ((range.to - range.from) / bucketMs > maxBuckets) {
      throw refusal(400, `more than ${maxBuckets} buckets`, 'widen "bucket" or narrow the range')
    }
    const query = { ...(await services.resolve(params.list('service'))), ...readLineFilter(params) }
    const found = await timed('histogram', () => store.histogram({ ...query, ...range }, bucketMs))
    return { ...range, ...found }
  })
}
