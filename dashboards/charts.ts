import type { SignalBucket } from '../pipeline/event.ts'
import { charted, type Charted, type ServiceView, type SignalFacts } from './api.ts'
import type { WholeRange } from './params.ts'
import { distributed, isCounted, newestOf, seriesOf, stepsOver, withoutOpenStep } from './series.ts'
import type { Context } from './server.ts'

/** How long a value counts as that of now, ms. */
const freshMs = 120_000
/** A value of now is measured over this time, ms. */
const windowMs = 10_000
/** What is counted is counted by then; if nothing came so long, it is none, ms. */
const countedMs = 30_000

/** The steps of the charted signals, by signal and service. */
export interface ChartData {
  facts: Partial<Record<Charted, SignalFacts>>
  drawn(signal: Charted, service: string): SignalBucket[]
  newest(signal: Charted, service: string): SignalBucket[]
}

/** Reads each charted signal once, for all services; the range of it and the minutes that say how it is now. */
export async function readCharts(
  context: Context,
  range: WholeRange,
  stepMs: number,
): Promise<ChartData> {
  const { signals = {} } = context
  const names = charted.filter((name) => signals[name])
  const [drawn, newest] = await Promise.all([
    readAll(context, names, { ...range, stepMs }),
    readAll(context, names, newestSteps(range.to)),
  ])
  return {
    facts: Object.fromEntries(names.map((name) => [name, signals[name]])),
    drawn: (signal, service) => drawn.get(signal)?.get(service) ?? [],
    newest: (signal, service) => newest.get(signal)?.get(service) ?? [],
  }
}

type ByService = Map<string, SignalBucket[]>

async function readAll(
  { store, signals = {}, timed }: Context,
  names: readonly Charted[],
  query: WholeRange & { stepMs: number },
): Promise<Map<Charted, ByService>> {
  const read = names.map(async (name) => {
    const asked = { ...query, by: ['service'] as const, ...distributed(signals[name]) }
    const steps = await timed('series', () => store.series(name, asked))
    return [name, Map.groupBy(steps, ({ group }) => group.service ?? '')] as const
  })
  return new Map(await Promise.all(read))
}

/** What the list of services shows of each: lines over the range, and the newest value. */
export function chartsOf(
  { facts, drawn, newest }: ChartData,
  service: string,
  range: WholeRange,
  stepMs: number,
): Pick<ServiceView, 'charts' | 'now'> {
  const steps = stepsOver(range, stepMs)
  const charts: NonNullable<ServiceView['charts']> = {}
  const now: NonNullable<ServiceView['now']> = {}
  for (const [name, fact] of Object.entries(facts) as [Charted, SignalFacts][]) {
    const buckets = drawn(name, service)
    if (buckets.length === 0) continue
    charts[name] = withoutOpenStep(seriesOf(fact, buckets, steps), steps, range.to)
    const value = newestValue(fact, newest(name, service), range.to)
    if (value !== undefined) now[name] = value
  }
  return { charts, now }
}

/** The steps that {@link newestValue} takes. */
export function newestSteps(toMs: number) {
  return { from: toMs - freshMs, to: toMs, stepMs: windowMs }
}

/**
 * Of the last whole window before `toMs`; undefined where nothing was measured lately. A rate or a count whose lines
 * have stopped is 0, not what it was before.
 */
export function newestValue(
  facts: SignalFacts,
  buckets: readonly SignalBucket[],
  toMs: number,
): number | undefined {
  const steps = stepsOver({ from: toMs - freshMs, to: toMs }, windowMs)
  const values = withoutOpenStep(seriesOf(facts, buckets, steps), steps, toMs)
  const newest = newestOf(values)
  if (newest === undefined || !isCounted(facts)) return newest
  // The last step is open.
  return newestOf(values.slice(-1 - countedMs / windowMs)) ?? 0
}
