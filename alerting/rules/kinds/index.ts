import { z } from 'zod'
import { metricAggregation, percentageMatch } from './aggregates.ts'
import { cardinality } from './cardinality.ts'
import { any, blacklist, change, whitelist } from './compare.ts'
import { flatline, frequency } from './frequency.ts'
import type { Emit, Kind, KindMatch } from './kind.ts'
import { spike } from './spike.ts'
import { newTerm } from './terms.ts'

const field = z.string().min(1)
const ms = z.number().positive()
const count = z.number().nonnegative()
const compound = z.array(field).min(1)
const aggregations = [
  'min',
  'max',
  'avg',
  'sum',
  'cardinality',
  'value_count',
  'percentiles',
] as const

const grouped = { query_key: field.optional() }
const spiking = {
  ...grouped,
  timeframe: ms,
  spike_height: z.number().positive(),
  spike_type: z.enum(['up', 'down', 'both']),
  threshold_ref: count.optional(),
  threshold_cur: count.optional(),
  alert_on_new_data: z.boolean().optional(),
}
const aggregated = {
  ...grouped,
  compound_query_key: compound.optional(),
  metric_agg_key: field,
  metric_agg_type: z.enum(aggregations),
}
const bound = z.number().optional()

/** What each kind is asked for, with ElastAlert's names; durations are ms. */
const parameters = {
  any: z.strictObject({}),
  blacklist: z.strictObject({ compare_key: field, blacklist: z.array(z.string()) }),
  whitelist: z.strictObject({
    compare_key: field,
    whitelist: z.array(z.string()),
    ignore_null: z.boolean(),
  }),
  change: z.strictObject({
    query_key: field,
    compound_compare_key: compound,
    ignore_null: z.boolean(),
    timeframe: ms.optional(),
  }),
  frequency: z.strictObject({ ...grouped, num_events: z.number().positive(), timeframe: ms }),
  flatline: z.strictObject({
    ...grouped,
    threshold: count,
    timeframe: ms,
    forget_keys: z.boolean().optional(),
  }),
  spike: z.strictObject({ ...spiking, field_value: field.optional() }),
  spike_aggregation: z.strictObject({ ...spiking, ...aggregated }),
  new_term: z.strictObject({
    fields: z.array(z.union([field, compound])).min(1),
    alert_on_missing_field: z.boolean().optional(),
  }),
  cardinality: z
    .strictObject({
      ...grouped,
      cardinality_field: field,
      timeframe: ms,
      max_cardinality: count.optional(),
      min_cardinality: count.optional(),
    })
    .refine((one) => one.max_cardinality !== undefined || one.min_cardinality !== undefined, {
      message: 'needs max_cardinality or min_cardinality',
    }),
  metric_aggregation: z
    .strictObject({ ...aggregated, max_threshold: bound, min_threshold: bound })
    .refine((one) => one.max_threshold !== undefined || one.min_threshold !== undefined, {
      message: 'needs max_threshold or min_threshold',
    }),
  percentage_match: z
    .strictObject({
      ...grouped,
      compound_query_key: compound.optional(),
      max_percentage: bound,
      min_percentage: bound,
      min_denominator: count.optional(),
    })
    .refine((one) => one.max_percentage !== undefined || one.min_percentage !== undefined, {
      message: 'needs max_percentage or min_percentage',
    }),
} as const

export type KindName = keyof typeof parameters
export const kindNames = Object.keys(parameters) as KindName[]

/** Whether it keeps what it remembers by `query_key`. */
export function isGrouped(name: KindName): boolean {
  return 'query_key' in parameters[name].shape
}

/** The parameters have been read by its schema, the state is what it made itself. */
interface Opened {
  initial(): unknown
  open(parameters: never, state: never, emit: Emit): Kind
}

const nothing = () => ({})
const spikes = () => ({ groups: {}, first: {}, skipUntil: {}, isFilled: false })

const kinds: Record<KindName, Opened> = {
  any: { initial: nothing, open: any },
  blacklist: { initial: nothing, open: blacklist },
  whitelist: { initial: nothing, open: whitelist },
  change: { initial: () => ({ last: {} }), open: change },
  frequency: { initial: () => ({ windows: {} }), open: frequency },
  flatline: { initial: () => ({ windows: {}, since: {} }), open: flatline },
  spike: { initial: spikes, open: spike },
  spike_aggregation: { initial: spikes, open: spike },
  new_term: { initial: () => ({ seen: {} }), open: newTerm },
  cardinality: { initial: () => ({ seen: {}, since: {} }), open: cardinality },
  metric_aggregation: { initial: nothing, open: metricAggregation },
  percentage_match: { initial: nothing, open: percentageMatch },
}

export interface OpenKind extends Kind {
  /** What matched since the last call, in its order. */
  take(): KindMatch[]
  /** All that it remembers, as plain data for `restored`. */
  save(): unknown
}

/** A kind with its parameters as they are written. Throws where one is wrong, missing or unknown, and names it. */
export function openKind(name: KindName, given: unknown, restored?: unknown): OpenKind {
  const read = parameters[name].safeParse(given)
  if (!read.success) {
    const [issue] = read.error.issues
    const path = [...(issue?.path ?? []), ...keysOf(issue)].join('.')
    throw new TypeError(`${name}: ${path === '' ? '' : `${path}: `}${issue?.message ?? 'wrong'}`)
  }
  const kind = kinds[name]
  const state = restored === undefined ? kind.initial() : structuredClone(restored)
  let matches: KindMatch[] = []
  return {
    ...kind.open(read.data as never, state as never, (match) => matches.push(match)),
    take() {
      const taken = matches
      matches = []
      return taken
    },
    save: () => state,
  }
}

function keysOf(issue: z.core.$ZodIssue | undefined): readonly string[] {
  return issue?.code === 'unrecognized_keys' ? issue.keys : []
}
