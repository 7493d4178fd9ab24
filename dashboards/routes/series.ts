import type { FastifyInstance } from 'fastify'
import type { SignalBucket } from '../../pipeline/event.ts'
import type { Identity } from '../../pipeline/identity.ts'
import {
  measuredBehind,
  openDerived,
  valuesOnce,
  type OpenedDerived,
} from '../../pipeline/signal-derived.ts'
import {
  groupKey,
  type SignalDeclaration,
  type SignalValue,
  type SignalValues,
} from '../../pipeline/signals.ts'
import type { SeriesQuery } from '../../pipeline/store/store.ts'
import type { Answers, SeriesView } from '../api.ts'
import { readParams, refusal, type WholeRange } from '../params.ts'
import { distributed, seriesOf, stepsOver, withoutOpenStep, type Steps } from '../series.ts'
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
    const { signals: derived } = openDerived(context.signals ?? {})
    const steps = stepsOver(range, stepMs)
    const asked = { wanted: scope.services, range, steps, derived }
    const series = signals.map((signal) => readSeries(context, signal, asked))
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

interface Asked {
  wanted: string[] | undefined
  range: WholeRange
  steps: Steps
  derived: OpenedDerived['signals']
}

async function readSeries(context: Context, signal: string, asked: Asked): Promise<SeriesView> {
  const { signals = {} } = context
  const facts = signals[signal] as SignalDeclaration
  const values =
    facts.from === 'signals'
      ? await derivedValues(context, signal, asked)
      : seriesOf(facts, await read(context, signal, asked, []), asked.steps)
  return { signal, ...facts, values: withoutOpenStep(values, asked.steps, asked.range.to) }
}

function read(
  { store, signals = {}, timed }: Context,
  signal: string,
  { wanted, range, steps: { from, stepMs } }: Asked,
  by: SeriesQuery['by'],
): Promise<SignalBucket[]> {
  const services = wanted && { services: wanted }
  const query = { ...range, from, stepMs, by, ...services, ...distributed(signals[signal]) }
  return timed('series', () => store.series(signal, query))
}

/** What it is made of, step by step; of several groups their mean. */
async function derivedValues(
  context: Context,
  signal: string,
  asked: Asked,
): Promise<(number | null)[]> {
  const { signals = {} } = context
  const { derived } = asked
  const measured = measuredBehind([signal], signals, derived)
  const columns = new Map(
    await Promise.all(
      measured.map(async (name) => [name, await columnsOf(context, name, asked)] as const),
    ),
  )
  return Array.from({ length: asked.steps.length }, (_, at) => {
    const valuesOf = valuesOnce(derived, (name) => valuesIn(columns.get(name) ?? [], at))
    const values = [...valuesOf(signal).values()].map(({ value }) => value)
    return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length
  })
}

/** Of each group. */
async function columnsOf(context: Context, name: string, asked: Asked): Promise<Column[]> {
  const facts = context.signals?.[name]
  if (!facts) return []
  const buckets = await read(context, name, asked, facts.by)
  return [...Map.groupBy(buckets, ({ group }) => groupKey(group))].flatMap(([key, own]) => {
    const [first] = own
    return first ? [{ key, group: first.group, values: seriesOf(facts, own, asked.steps) }] : []
  })
}

interface Column {
  key: string
  group: Identity
  values: (number | null)[]
}

function valuesIn(column: readonly Column[], at: number): SignalValues {
  const known = new Map<string, SignalValue>()
  for (const { key, group, values } of column) {
    const value = values[at] ?? null
    if (value !== null) known.set(key, { group, value, lastMs: 0 })
  }
  return known
}
