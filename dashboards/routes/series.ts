import type { FastifyInstance } from 'fastify'
import type { Answers, SeriesView, SignalFacts } from '../api.ts'
import { readParams, refusal, type WholeRange } from '../params.ts'
import { seriesOf, stepsOver, withoutOpenStep } from '../series.ts'
import type { Context } from '../server.ts'
import { niceStep } from './logs.ts'

const hourMs = 3_600_000
const maxSteps = 2000
/** Every bucket of this time fits into memory: with a second's resolution there are many. */
const maxBucketsMs = 6 * hourMs

/** Signals over time for charts, and as they were measured. */
export function seriesRoutes(app: FastifyInstance, context: Context): void {
  const { clock, services, store, timed } = context
  app.get('/api/series', async (request): Promise<Answers['/api/series']> => {
    const names = ['signal', 'service', 'from', 'to', 'step']
    const params = readParams(request.query, names, clock.now())
    const { from, to = clock.now() + 1 } = params.range()
    const range = { from: from ?? to - hourMs, to }
    const stepMs = params.duration('step') ?? niceStep(range.to - range.from, 240)
    if ((range.to - range.from) / stepMs > maxSteps) {
      throw refusal(400, `more than ${maxSteps} steps`, 'widen "step" or narrow the range')
    }
    const scope = await services.resolve(params.list('service'))
    const signals = params.list('signal').map((name) => declared(context, name))
    const series = signals.map((signal) =>
      readSeries(context, signal, scope.services, range, stepMs),
    )
    return { ...range, stepMs, series: await Promise.all(series) }
  })
  app.get('/api/signals', async (): Promise<Answers['/api/signals']> => ({
    signals: context.signals ?? {},
  }))
  app.get<{ Params: { name: string } }>('/api/signals/:name', async (request) => {
    const params = readParams(request.query, ['from', 'to'], clock.now())
    const range = { from: clock.now() - hourMs, to: clock.now() + hourMs, ...params.range() }
    if (range.to - range.from > maxBucketsMs) {
      throw refusal(400, 'more than six hours of buckets', 'ask /api/series, which merges them')
    }
    const { name } = request.params
    return { signal: name, buckets: await timed('buckets', () => store.buckets(name, range)) }
  })
}

function declared({ signals = {} }: Context, name: string): string {
  if (Object.hasOwn(signals, name)) return name
  const known = Object.keys(signals).join(', ')
  throw refusal(400, `"${name.slice(0, 40)}" is no signal`, `signals are ${known || 'none'}`)
}

async function readSeries(
  { store, signals = {}, timed }: Context,
  signal: string,
  wanted: string[] | undefined,
  range: WholeRange,
  stepMs: number,
): Promise<SeriesView> {
  const facts = signals[signal] as SignalFacts
  const steps = stepsOver(range, stepMs)
  const query = { ...range, from: steps.from, stepMs, by: [], ...(wanted && { services: wanted }) }
  const merged = await timed('series', () => store.series(signal, query))
  return {
    signal,
    ...facts,
    values: withoutOpenStep(seriesOf(facts, merged, steps), steps, range.to),
  }
}
