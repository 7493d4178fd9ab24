import type { SignalBucket } from '../pipeline/event.ts'
import { charted, type Charted, type ServiceView, type SignalFacts } from './api.ts'
import type { WholeRange } from './params.ts'
import { newestOf, seriesOf, stepsOver, withoutOpenStep, type Steps } from './series.ts'
import type { Context } from './server.ts'

/** How long a value counts as that of now, ms. */
const freshMs = 120_000
/** A value of now is measured over this time, ms. */
const windowMs = 30_000

/** The buckets of the charted signals, by signal and service. */
export interface ChartData {
  facts: Partial<Record<Charted, SignalFacts>>
  of(signal: Charted, service: string): SignalBucket[]
}

/** Reads each charted signal once, for all services. */
export async function readCharts(context: Context, range: WholeRange): Promise<ChartData> {
  const { store, signals = {}, timed } = context
  const names = charted.filter((name) => signals[name])
  const read = await Promise.all(
    names.map(async (name) => {
      const buckets = await timed('buckets', () => store.buckets(name, range))
      return [name, Map.groupBy(buckets, ({ group }) => group.service ?? '')] as const
    }),
  )
  const byName = new Map<Charted, Map<string, SignalBucket[]>>(read)
  return {
    facts: Object.fromEntries(names.map((name) => [name, signals[name]])),
    of: (signal, service) => byName.get(signal)?.get(service) ?? [],
  }
}

/** What the list of services shows of each: lines over the range, and the newest value. */
export function chartsOf(
  { facts, of }: ChartData,
  service: string,
  range: WholeRange,
  stepMs: number,
): Pick<ServiceView, 'charts' | 'now'> {
  const steps = stepsOver(range, stepMs)
  const charts: NonNullable<ServiceView['charts']> = {}
  const now: NonNullable<ServiceView['now']> = {}
  for (const [name, fact] of Object.entries(facts) as [Charted, SignalFacts][]) {
    const buckets = of(name, service)
    if (buckets.length === 0) continue
    charts[name] = withoutOpenStep(seriesOf(fact, buckets, steps), steps, range.to)
    const value = newestValue(fact, buckets, range.to)
    if (value !== undefined) now[name] = value
  }
  return { charts, now }
}

/** Over the last whole window before `toMs`; undefined where nothing was measured lately. */
export function newestValue(
  facts: SignalFacts,
  buckets: readonly SignalBucket[],
  toMs: number,
): number | undefined {
  const steps: Steps = { from: toMs - freshMs, stepMs: windowMs, length: freshMs / windowMs }
  return newestOf(seriesOf(facts, buckets, steps))
}
