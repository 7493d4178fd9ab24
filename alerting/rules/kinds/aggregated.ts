import { z } from 'zod'
import { countOf } from '../../../pipeline/distinct.ts'
import {
  addNumber,
  addTerm,
  distributionOf,
  emptyDistribution,
  mergeDistribution,
  writtenDistribution,
  type Distribution,
} from '../../../pipeline/distribution.ts'
import { parseQuery, type Query } from '../../../pipeline/query.ts'
import { quantileOf } from '../../../pipeline/sketch.ts'
import { lookup, type Kind, type KindEvent } from './kind.ts'

/**
 * What ElastAlert has Elasticsearch aggregate at each run for the kinds that look at a share or a number of many events: of
 * those of the last `buffer_time`, by group. Here they are counted as they come, into slices of a sixtieth of that time.
 */
export interface Aggregating {
  add(events: readonly KindEvent[]): void
  /** Gives the kind what stands in the window that ends at `ts`. */
  run(ts: number, kind: Kind): void
}

/** Plain data. */
export interface AggregatingState {
  slices: { ms: number; groups: Record<string, Slice> }[]
}

interface Slice {
  keys: string[]
  count: number
  matching: number
  /** Those that had a number. */
  numbers: number
  sum: number
  min: number
  max: number
  sketch?: string
  distinct?: string
}

const quarterOfAnHour = 15 * 60_000
const slicesInWindow = 60
/** More groups of a slice, and of all slices together, are left out: it is all written down at each evaluation. */
const maxGroups = 10_000
const maxGroupsInAll = 60_000

/** With ElastAlert's names; durations are ms. */
export const aggregatingParameters = {
  buffer_time: z.number().positive().default(quarterOfAnHour),
  /** Of `percentage_match`: which lines are the share, in the query language. */
  match_bucket_filter: z.string().min(1).optional(),
  /** Of `percentiles`: which. */
  percentile_range: z.number().min(0).max(100).optional(),
} as const

export type AggregatingParameters = z.output<z.ZodObject<typeof aggregatingParameters>>

interface AboutWhat {
  query_key?: string | undefined
  compound_query_key?: readonly string[] | undefined
  metric_agg_key?: string | undefined
  metric_agg_type?: string | undefined
}

export function openAggregating(
  name: string,
  parameters: AggregatingParameters & AboutWhat,
  state: AggregatingState,
): Aggregating {
  const { buffer_time: windowMs, match_bucket_filter: filter, metric_agg_key: field } = parameters
  const sliceMs = Math.max(1, Math.ceil(windowMs / slicesInWindow))
  const isShare = name === 'percentage_match'
  if (isShare && filter === undefined)
    throw new TypeError(`${name}: match_bucket_filter is missing`)
  const { metric_agg_type: type = '' } = parameters
  if (type === 'percentiles' && parameters.percentile_range === undefined) {
    throw new TypeError(`${name}: percentile_range is missing`)
  }
  const query: Query | undefined = filter === undefined ? undefined : parseQuery(filter)
  /** Of slices that were added to since they were written as text. */
  const open = new Map<Slice, Distribution>()
  /** Groups by slice: to count the keys of an object takes as long as there are many. */
  const sizes = new Map(state.slices.map(({ ms, groups }) => [ms, Object.keys(groups).length]))
  let inAll = sum(sizes.values())
  const names = parameters.compound_query_key ?? [parameters.query_key].flatMap((one) => one ?? [])

  function sliceAt(start: number): Record<string, Slice> {
    const known = state.slices.find((one) => one.ms === start)
    if (known) return known.groups
    const made = { ms: start, groups: {} }
    state.slices.push(made)
    return made.groups
  }

  function addOne({ ms, fields }: KindEvent): void {
    const keys = names.map((one) => textOf(lookup(fields, one)))
    // ElastAlert's aggregation by terms leaves out what has none.
    if (keys.includes(undefined)) return
    const value = field === undefined ? undefined : lookup(fields, field)
    if (field !== undefined && (value === undefined || value === null)) return
    const start = Math.floor(ms / sliceMs) * sliceMs
    const groups = sliceAt(start)
    const key = `=${JSON.stringify(keys)}`
    const isNew = !Object.hasOwn(groups, key)
    const size = sizes.get(start) ?? 0
    if (isNew && (size >= maxGroups || inAll >= maxGroupsInAll)) return
    if (isNew) {
      sizes.set(start, size + 1)
      inAll++
    }
    const slice = isNew ? openSlice(keys as string[]) : (groups[key] as Slice)
    groups[key] = slice
    slice.count++
    if (query?.matches(fields)) slice.matching++
    if (field !== undefined) measure(slice, value)
  }

  function measure(slice: Slice, value: unknown): void {
    if (type === 'cardinality') {
      const text = textOf(value)
      if (text !== undefined) addTerm(distribution(slice), text)
      return
    }
    const number = Number(value)
    if (!Number.isFinite(number)) return
    slice.sum += number
    slice.min = slice.numbers === 0 ? number : Math.min(slice.min, number)
    slice.max = slice.numbers === 0 ? number : Math.max(slice.max, number)
    slice.numbers++
    if (type === 'percentiles') addNumber(distribution(slice), number)
  }

  function distribution(slice: Slice): Distribution {
    const one = open.get(slice) ?? distributionOf(slice) ?? emptyDistribution()
    open.set(slice, one)
    return one
  }

  function write(): void {
    for (const [slice, one] of open) Object.assign(slice, writtenDistribution(one))
    open.clear()
  }

  return {
    add: (events) => events.forEach(addOne),
    run(ts, kind) {
      write()
      state.slices = state.slices.filter(({ ms }) => ms >= ts - windowMs)
      for (const ms of sizes.keys()) if (ms < ts - windowMs) sizes.delete(ms)
      inAll = sum(sizes.values())
      for (const { keys, count, matching, ...merged } of groupsOf(state.slices, ts).values()) {
        if (isShare) kind.addShare?.({ ms: ts, keys, matching, others: count - matching })
        else {
          const value = valueOf({ count, ...merged }, type, parameters.percentile_range)
          kind.addAggregate?.({ ms: ts, keys, value })
        }
      }
    },
  }
}

const sum = (numbers: Iterable<number>) => [...numbers].reduce((a, b) => a + b, 0)

const openSlice = (keys: string[]): Slice => ({
  keys,
  count: 0,
  matching: 0,
  numbers: 0,
  sum: 0,
  min: 0,
  max: 0,
})

interface Merged extends Omit<Slice, 'sketch' | 'distinct'> {
  distribution: Distribution
}

/** What begins at `ts` or later belongs to the next run. */
function groupsOf(slices: AggregatingState['slices'], ts: number): Map<string, Merged> {
  const groups = new Map<string, Merged>()
  for (const { ms, groups: own } of slices) {
    if (ms >= ts) continue
    for (const [key, slice] of Object.entries(own)) {
      const merged = groups.get(key) ?? { ...openSlice(slice.keys), distribution: {} }
      groups.set(key, merged)
      merged.count += slice.count
      merged.matching += slice.matching
      merged.sum += slice.sum
      if (slice.numbers > 0) {
        merged.min = merged.numbers === 0 ? slice.min : Math.min(merged.min, slice.min)
        merged.max = merged.numbers === 0 ? slice.max : Math.max(merged.max, slice.max)
      }
      merged.numbers += slice.numbers
      mergeDistribution(merged.distribution, distributionOf(slice) ?? {})
    }
  }
  return groups
}

function valueOf(
  { count, numbers, sum, min, max, distribution }: Omit<Merged, 'keys' | 'matching'>,
  type: string,
  percentile = 50,
): number | null {
  switch (type) {
    case 'value_count':
      return count
    case 'cardinality':
      return distribution.distinct ? countOf(distribution.distinct) : null
    case 'percentiles':
      return (distribution.sketch && quantileOf(distribution.sketch, percentile / 100)) ?? null
    case 'avg':
      return numbers > 0 ? sum / numbers : null
    case 'sum':
      return numbers > 0 ? sum : null
    default:
      return numbers > 0 ? (type === 'min' ? min : max) : null
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}
