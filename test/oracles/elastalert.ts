import { gather, type Gathered } from '../../alerting/rules/aggregation.ts'
import { parseCron } from '../../alerting/rules/cron.ts'
import { realert, type Silenced } from '../../alerting/rules/realert.ts'
import { nameOf } from '../../alerting/rules/kinds/terms.ts'
import {
  kindNames,
  openKind,
  type KindName,
  type OpenKind,
} from '../../alerting/rules/kinds/index.ts'
import type { KindEvent, KindMatch } from '../../alerting/rules/kinds/kind.ts'
import { differing, type OracleCase, type Replay, type Replays } from './oracle.ts'

/* Cases made with the real ElastAlert 2: the methods of its rule classes that were called, and what matched in each call. */

type Fields = Record<string, unknown>

interface RuleCase {
  ruleClass?: string
  rule?: string
  rules: Fields
  seenValues: Record<string, unknown[]> | null
  steps: { op: string; args: unknown[]; newMatches: unknown[] }[]
}

const classes: Record<string, KindName> = {
  AnyRule: 'any',
  BlacklistRule: 'blacklist',
  WhitelistRule: 'whitelist',
  ChangeRule: 'change',
  FrequencyRule: 'frequency',
  FlatlineRule: 'flatline',
  SpikeRule: 'spike',
  SpikeMetricAggregationRule: 'spike_aggregation',
  NewTermsRule: 'new_term',
  CardinalityRule: 'cardinality',
  MetricAggregationRule: 'metric_aggregation',
  PercentageMatchRule: 'percentage_match',
}

/** Settings of ElastAlert that say how it asks Elasticsearch or writes texts, and none of what matches. */
const elsewhere = new Set([
  'timestamp_field',
  'attach_related',
  'use_count_query',
  'use_terms_query',
  'use_term_query',
  'use_keyword_postfix',
  'buffer_time',
  'bucket_interval',
  'bucket_interval_timedelta',
  'bucket_interval_period',
  'match_bucket_filter',
  'percentile_range',
  'metric_format_string',
  'percentage_format_string',
])

function replayRule(one: OracleCase): string[] {
  const { ruleClass, rule, rules, seenValues, steps } = one as OracleCase & RuleCase
  const name = classes[ruleClass ?? rule ?? '']
  if (!name || !kindNames.includes(name))
    throw new Error(`the rule class ${ruleClass} is not known`)
  const timeField =
    typeof rules['timestamp_field'] === 'string' ? rules['timestamp_field'] : '@timestamp'
  let kind = openKind(name, parametersOf(name, rules), stateOf(name, seenValues))
  return steps.flatMap(({ op, args, newMatches }, index) => {
    // As after a restart: what is remembered is all that counts.
    kind = openKind(name, parametersOf(name, rules), kind.save())
    call(kind, op, args, { rules, timeField })
    const got = kind.take().map((match) => shownMatch(match, timeField))
    const wanted = newMatches.flat().map((match) => shownWanted(match as Fields, timeField))
    return differing(`step ${index} (${op})`, wanted, got)
  })
}

function parametersOf(name: KindName, rules: Fields): Fields {
  const given = Object.entries(rules).filter(([key]) => !elsewhere.has(key))
  const parameters = Object.fromEntries(given.map(([key, value]) => [key, durationOf(value)]))
  if (name === 'spike_aggregation') {
    const { min_threshold: _, ...others } = parameters
    return others
  }
  if (name === 'new_term') {
    const { query_key: queryKey, fields = queryKey, ...others } = parameters
    return { ...others, fields: Array.isArray(fields) ? (fields as unknown[]) : [fields] }
  }
  if (name === 'change' && !parameters['compound_compare_key']) {
    const { compare_key: key, ...others } = parameters
    return { ...others, compound_compare_key: [key].flat() }
  }
  return parameters
}

/** `{ $seconds: 90 }` → ms. */
function durationOf(value: unknown): unknown {
  const seconds = (value as { $seconds?: unknown } | null)?.$seconds
  return typeof seconds === 'number' ? seconds * 1000 : value
}

function stateOf(name: KindName, seen: RuleCase['seenValues']): unknown {
  if (name !== 'new_term' || !seen) return undefined
  const terms = Object.entries(seen).map(([field, values]) => [
    nameOf(field.split(',')),
    values.map((value) => JSON.stringify(value)),
  ])
  return { seen: Object.fromEntries(terms) as unknown }
}

interface Asked {
  rules: Fields
  timeField: string
}

function call(kind: OpenKind, op: string, args: unknown[], { rules, timeField }: Asked): void {
  const [first] = args
  if (op === 'garbage_collect') kind.collect?.(msOf(first))
  else if (op === 'add_data') {
    kind.add?.((first as Fields[]).flat().map((fields) => eventOf(fields, timeField)))
  } else if (op === 'add_count_data') {
    const [one, ...others] = Object.entries(first as Fields)
    // ElastAlert refuses several at a time; here there is no way to give them.
    if (one && others.length === 0) kind.addCount?.(msOf(one[0]), Number(one[1]))
  } else if (op === 'add_terms_data') {
    for (const [time, terms] of Object.entries(first as Record<string, Term[]>)) {
      kind.addTerms?.(
        msOf(time),
        terms.map(({ key, doc_count: count }) => ({ key, count })),
      )
    }
  } else if (op === 'add_aggregation_data') {
    for (const [time, payload] of Object.entries(first as Record<string, Aggregated>)) {
      give(kind, msOf(time), [], payload, rules)
    }
  } else if (op === 'check_matches') {
    const [time, key, payload] = args as [string, string | null, Aggregated]
    give(kind, msOf(time), key === null ? [] : [key], payload, rules)
  } else throw new Error(`nobody knows the method ${op}`)
}

interface Term {
  key: string
  doc_count: number
}

interface Aggregated extends Record<string, unknown> {
  key?: string
  key_as_string?: string
  interval_aggs?: { buckets: Aggregated[] }
  bucket_aggs?: { buckets: Aggregated[] }
}

/** Unfolds what Elasticsearch has answered: by time, by group, or both. */
function give(
  kind: OpenKind,
  ms: number,
  keys: string[],
  payload: Aggregated,
  rules: Fields,
): void {
  if (payload.bucket_aggs) {
    for (const bucket of payload.bucket_aggs.buckets) {
      give(kind, ms, [...keys, String(bucket.key)], bucket, rules)
    }
  } else if (payload.interval_aggs) {
    for (const bucket of payload.interval_aggs.buckets) {
      give(
        kind,
        bucket.key_as_string === undefined ? ms : msOf(bucket.key_as_string),
        keys,
        bucket,
        rules,
      )
    }
  } else {
    const share = payload['percentage_match_aggs'] as { buckets: Record<string, Term> } | undefined
    if (share) {
      const [matching, others] = ['match_bucket', '_other_'].map(
        (name) => share.buckets[name]?.doc_count,
      )
      if (typeof matching !== 'number' || typeof others !== 'number') return
      kind.addShare?.({ ms, keys, matching, others })
    } else kind.addAggregate?.({ ms, keys, value: valueIn(payload, rules) })
  }
}

function valueIn(payload: Aggregated, rules: Fields): number | null {
  const name = `metric_${String(rules['metric_agg_key'])}_${String(rules['metric_agg_type'])}`
  const metric = payload[name] as { value?: number | null; values?: Record<string, number> }
  return metric.values ? (Object.values(metric.values)[0] ?? null) : (metric.value ?? null)
}

const eventOf = (fields: Fields, timeField: string): KindEvent => ({
  ms: msOf(fields[timeField]),
  fields,
})

function msOf(time: unknown): number {
  const ms = Date.parse(String(time))
  if (Number.isNaN(ms)) throw new Error(`${String(time)} is no time`)
  return ms
}

/** By its id, its time and what was added. */
function shownMatch({ ms, fields, added }: KindMatch, timeField: string): Fields {
  const event = Object.fromEntries(Object.entries(fields).filter(([name]) => name !== timeField))
  return { ...event, ...added, [timeField]: ms }
}

/** Without the related events, what marks that there is no event, and texts that only say the same in another way. */
function shownWanted(match: Fields, timeField: string): Fields {
  const kept = Object.entries(match).filter(
    ([name]) => !unsaid.has(name) && !name.endsWith('_formatted'),
  )
  return { ...Object.fromEntries(kept), [timeField]: msOf(match[timeField]) }
}

interface RealertCase {
  realert: number
  exponential_realert: number | null
  steps: { t: number; key: string; alerted: boolean; silencedUntil?: number; exponent?: number }[]
}

/** Seconds there, ms here. */
function replayRealert(one: OracleCase): string[] {
  const { realert: pause, exponential_realert: longest, steps } = one as OracleCase & RealertCase
  const parameters = {
    realert: pause * 1000,
    ...(longest === null ? {} : { exponential_realert: longest * 1000 }),
  }
  const silenced = new Map<string, Silenced>()
  return steps.flatMap(({ t, key, ...wanted }) => {
    const next = realert(parameters, silenced.get(key), t * 1000)
    if (next) silenced.set(key, next)
    // Without a pause there is nothing to remember.
    const kept =
      next && pause > 0 ? { silencedUntil: next.until / 1000, exponent: next.exponent } : {}
    const got = { alerted: next !== undefined, ...kept }
    return differing(`at ${t} s`, wanted, got)
  })
}

interface AggregationCase {
  aggregation: { seconds: number } | { schedule: string }
  aggregation_key: string | null
  steps: { t: number; user: string; group: string; sendAt: number }[]
}

/** Seconds since a midnight. */
const midnightMs = Date.parse('2024-03-01T00:00:00Z')

function replayAggregation(one: OracleCase): string[] {
  const { aggregation, aggregation_key: key, steps } = one as OracleCase & AggregationCase
  const gathering =
    'seconds' in aggregation
      ? { spanMs: aggregation.seconds * 1000 }
      : { schedule: parseCron(aggregation.schedule) }
  const groups = new Map<string, Gathered>()
  return steps.flatMap(({ t, user, group, sendAt }, index) => {
    const of = key === null ? '' : user
    const now = midnightMs + t * 1000
    const next = gather(gathering, groups.get(of), { id: `g${index}`, now })
    groups.set(of, next)
    const got = { group: next.first, sendAt: (next.sendAt - midnightMs) / 1000 }
    return differing(`at ${t} s`, { group, sendAt }, got)
  })
}

const unsaid = new Set(['related_events', 'placeholder'])

const files = [
  'any',
  'blacklist_whitelist',
  'cardinality',
  'change',
  'flatline',
  'frequency',
  'metric_aggregation',
  'new_term',
  'percentage_match',
  'spike',
  'spike_aggregation',
  'upstream-tests',
]

export const elastalertReplays: Replays = {
  ...Object.fromEntries(files.map((name): [string, Replay] => [`elastalert/${name}`, replayRule])),
  'elastalert/realert': replayRealert,
  'elastalert/aggregation': replayAggregation,
}
