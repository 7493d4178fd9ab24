import type { Series } from './exposition.ts'
import { addIncrease, quantile, type Buckets } from './exposition-histogram.ts'

/** What one reading of an exposition tells of one owner: its whole, or one of its label sets. */
export interface MeasuredGroup<Owner> {
  owner: Owner
  /** Empty for the whole. */
  labels: Record<string, string>
  timeMs: number
  metrics: Record<string, number>
}

/** Is it the whole, and not one label set? */
export function isWhole({ labels }: Pick<MeasuredGroup<unknown>, 'labels'>): boolean {
  return Object.keys(labels).length === 0
}

export interface MeasuredRead<Owner> {
  groups: MeasuredGroup<Owner>[]
  /** Series beyond the limit, by family. */
  leftOut: Map<string, number>
}

/** Whose series it is, and the labels that are left to tell series of that owner apart; undefined: nobody's. */
export type Split<Owner> = (
  labels: Record<string, string>,
) => { key: string; owner: Owner; labels: Record<string, string> } | undefined

const quantiles = [0.5, 0.9, 0.95, 0.99]
/** Larger ones are no measurement, and could not be added up. */
const largestValue = 1e250

/** The readings of one series: a number, or a histogram's or summary's parts. */
interface Reading {
  timeMs: number
  /** Of a counter; of a histogram or summary its count. */
  count: number | undefined
  sum: number | undefined
  buckets: Buckets
}

type Kind = 'counter' | 'distribution'

/** What was counted between two readings. */
interface Increase {
  kind: Kind
  /** Of the newer reading. */
  timeMs: number
  /** A second. */
  rate: number
  count: number
  sum: number | undefined
  buckets: Buckets
}

interface Group<Owner> extends MeasuredGroup<Owner> {
  ownerKey: string
  /** The newest time that one of its series has of its own, ms. */
  ownMs?: number
  /** Name of each counted thing in this label set, and its reading. */
  counted: Map<string, Reading & { kind: Kind }>
}

/**
 * Makes samples of expositions that are read one after the other:
 *
 * - `prometheus.<name>` tells of the whole: gauges without labels as they are; of counters, histograms and summaries what all
 *   label sets count together.
 * - `series.<name>` tells of one label set, which stands beside it.
 *
 * What only rises is told by its rate: `<counter>.rate` a second; of histograms and summaries `.rate` (observations a second), `.avg`
 * and `.p50` … `.p99` of what was observed since the reading before. A counter that falls began anew. The first reading tells of gauges
 * alone.
 */
export function openExpositionReader<Owner>({ maxSeries }: { maxSeries: number }) {
  let before = new Map<string, Reading>()
  let known = new Set<string>()

  function read(
    series: readonly Series[],
    nowMs: number,
    split: Split<Owner>,
  ): MeasuredRead<Owner> {
    const groups = new Map<string, Group<Owner>>()
    const leftOut = new Map<string, number>()
    const seen = new Set<string>()
    // Places of those that have vanished are given away at the next reading: only then is it known.
    let room = maxSeries - known.size
    for (const one of series) {
      const of = split(withoutBounds(one))
      if (!of) continue
      const key = `${of.key}\n${labelsKey(of.labels)}`
      if (!seen.has(key) && !known.has(key)) {
        if (room <= 0) {
          leftOut.set(one.family, (leftOut.get(one.family) ?? 0) + 1)
          continue
        }
        room--
      }
      seen.add(key)
      const group = groups.get(key) ?? emptyGroup(of, nowMs)
      groups.set(key, group)
      take(one, group)
    }
    known = seen
    const wholes = new Map<string, Map<string, Increase>>()
    const after = new Map<string, Reading>()
    for (const [key, group] of groups) count(key, group, after, wholes)
    before = after
    return { groups: finish(groups, wholes), leftOut }
  }

  function count(
    key: string,
    group: Group<Owner>,
    after: Map<string, Reading>,
    wholes: Map<string, Map<string, Increase>>,
  ): void {
    for (const [name, reading] of group.counted) {
      const place = `${key}\n${name}`
      const last = before.get(place)
      // What was not measured anew since then tells nothing.
      after.set(place, last && reading.timeMs <= last.timeMs ? last : reading)
      const increase = last && increaseOf(last, reading)
      if (!increase) continue
      if (!isWhole(group)) Object.assign(group.metrics, told(`series.${name}`, increase))
      const whole = wholes.get(group.ownerKey) ?? new Map<string, Increase>()
      wholes.set(group.ownerKey, whole)
      whole.set(name, together(whole.get(name), increase))
    }
  }

  return { read }
}

function emptyGroup<Owner>(
  { key, owner, labels }: { key: string; owner: Owner; labels: Record<string, string> },
  timeMs: number,
): Group<Owner> {
  return { ownerKey: key, owner, labels, timeMs, metrics: {}, counted: new Map() }
}

function take<Owner>(series: Series, group: Group<Owner>): void {
  const { name, type, ending, value } = series
  const timeMs = series.timeMs ?? group.timeMs
  if (ending === '_created' || Number.isNaN(value) || Math.abs(value) > largestValue) return
  if (series.timeMs !== undefined) group.ownMs = Math.max(group.ownMs ?? -Infinity, series.timeMs)
  if (type === 'counter' || (type === 'unknown' && name.endsWith('_total'))) {
    group.counted.set(name, { kind: 'counter', ...freshReading(timeMs), count: value })
    return
  }
  if (type === 'histogram' || type === 'summary') return takeDistribution(series, group, timeMs)
  if (type === 'gaugehistogram') return
  group.metrics[nameIn(group, name)] = value
}

/** Of what is told as it is: by itself, or of one label set. */
function nameIn(group: Pick<MeasuredGroup<unknown>, 'labels'>, name: string): string {
  return `${isWhole(group) ? 'prometheus' : 'series'}.${name}`
}

function takeDistribution<Owner>(series: Series, group: Group<Owner>, timeMs: number): void {
  const { family, ending, labels, value } = series
  const known = group.counted.get(family) ?? { kind: 'distribution', ...freshReading(timeMs) }
  group.counted.set(family, known)
  if (ending === '_count') known.count = value
  else if (ending === '_sum') known.sum = value
  else if (ending === '_bucket') {
    const bound = boundOf(labels['le'])
    if (bound !== undefined) known.buckets.set(bound, value)
  } else if (labels['quantile'] !== undefined) {
    const percent = Number((Number(labels['quantile']) * 100).toFixed(4))
    if (percent >= 0) group.metrics[nameIn(group, `${family}.p${percent}`)] = value
  }
}

const freshReading = (timeMs: number): Reading => ({
  timeMs,
  count: undefined,
  sum: undefined,
  buckets: new Map(),
})

function boundOf(le: string | undefined): number | undefined {
  if (le === undefined || le === '') return undefined
  const bound = le === '+Inf' || le === 'Inf' ? Infinity : Number(le)
  return Number.isNaN(bound) ? undefined : bound
}

/** Labels that tell parts of one series apart are no labels of it. */
function withoutBounds({ type, ending, labels }: Series): Record<string, string> {
  const bound = ending === '_bucket' ? 'le' : type === 'summary' ? 'quantile' : undefined
  if (bound === undefined || labels[bound] === undefined) return labels
  const rest = { ...labels }
  delete rest[bound]
  return rest
}

function labelsKey(labels: Record<string, string>): string {
  const names = Object.keys(labels)
  if (names.length === 0) return ''
  return JSON.stringify(names.toSorted().map((name) => [name, labels[name]]))
}

function increaseOf(before: Reading, now: Reading & { kind: Kind }): Increase | undefined {
  const seconds = (now.timeMs - before.timeMs) / 1000
  const counted = now.count ?? now.buckets.get(Infinity)
  const countedBefore = before.count ?? before.buckets.get(Infinity)
  if (seconds <= 0 || counted === undefined || countedBefore === undefined) return undefined
  const isReset = counted < countedBefore
  const buckets: Buckets = new Map()
  addIncrease(buckets, isReset ? new Map() : before.buckets, now.buckets)
  const sum = now.sum === undefined ? undefined : now.sum - (isReset ? 0 : (before.sum ?? 0))
  const count = isReset ? counted : counted - countedBefore
  return { kind: now.kind, timeMs: now.timeMs, rate: count / seconds, count, sum, buckets }
}

function together(all: Increase | undefined, more: Increase): Increase {
  if (!all) return { ...more, buckets: new Map(more.buckets) }
  for (const [bound, count] of more.buckets) {
    all.buckets.set(bound, (all.buckets.get(bound) ?? 0) + count)
  }
  // Of label sets that were measured at other times each has its own rate.
  all.rate += more.rate
  all.timeMs = Math.max(all.timeMs, more.timeMs)
  all.count += more.count
  all.sum = all.sum === undefined || more.sum === undefined ? undefined : all.sum + more.sum
  return all
}

function told(name: string, { kind, rate, count, sum, buckets }: Increase): Record<string, number> {
  const metrics: Record<string, number> = { [`${name}.rate`]: rate }
  if (kind === 'counter' || count <= 0) return metrics
  if (sum !== undefined) metrics[`${name}.avg`] = sum / count
  for (const q of quantiles) {
    const value = quantile(q, buckets)
    if (value !== undefined) metrics[`${name}.p${q * 100}`] = value
  }
  return metrics
}

function finish<Owner>(
  groups: ReadonlyMap<string, Group<Owner>>,
  wholes: ReadonlyMap<string, ReadonlyMap<string, Increase>>,
): MeasuredGroup<Owner>[] {
  const found: MeasuredGroup<Owner>[] = []
  const whole = new Map<string, MeasuredGroup<Owner>>()
  const owners = new Map<string, Owner>()
  for (const { ownerKey, owner, labels, timeMs, ownMs, metrics } of groups.values()) {
    const group = { owner, labels, timeMs: ownMs ?? timeMs, metrics }
    owners.set(ownerKey, owner)
    if (isWhole(group)) whole.set(ownerKey, group)
    found.push(group)
  }
  for (const [key, increases] of wholes) {
    const known = whole.get(key)
    const group = known ?? {
      owner: owners.get(key) as Owner,
      labels: {},
      timeMs: Math.max(...increases.values().map((increase) => increase.timeMs)),
      metrics: {},
    }
    if (!known) found.push(group)
    for (const [name, increase] of increases) {
      Object.assign(group.metrics, told(`prometheus.${name}`, increase))
    }
  }
  return found.filter(({ metrics }) => Object.keys(metrics).length > 0)
}
