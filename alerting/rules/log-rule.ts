import { z } from 'zod'
import { identityFields, type Identity } from '../../pipeline/identity.ts'
import {
  aggregatingParameters,
  openAggregating,
  type AggregatingState,
} from './kinds/aggregated.ts'
import { isGrouped, kindNames, openKind, type KindName } from './kinds/index.ts'
import { lookup, type KindEvent, type KindMatch } from './kinds/kind.ts'
import { openTelling, tellingParameters, type TellingState } from './log-telling.ts'
import { fingerprintOf, identityLabels, type Sample, type Texts as RuleTexts } from './rule.ts'

/** A rule on single lines, of one of ElastAlert's kinds. */
export interface LogRuleDeclaration {
  type: string
  /** Lines unless set. */
  from?: 'logs' | 'changes'
  /** Which lines it is given, in the query language. */
  where: string
  /** So long a match stays an alert, ms; unless set the kind's timeframe, else five minutes. */
  holdMs?: number
  /** With ElastAlert's names; durations in ms. */
  parameters: Record<string, unknown>
}

/** What such a rule remembers; plain data. */
export interface LogRuleState {
  kind: unknown
  held: { sample: Sample; untilMs: number }[]
  aggregating?: AggregatingState
  telling?: TellingState
}

/** A rule that looks at the lines between two evaluations. */
export interface LogRule {
  from: 'logs' | 'changes'
  where: string
  /** So far back what it tells of may lie, ms. */
  spanMs: number
  open(restored?: LogRuleState): OpenLogRule
}

export interface OpenLogRule {
  /** What is an alert at `ts`, given the lines that came before it since the last time. */
  evaluate(ts: number, events: readonly KindEvent[]): Sample[]
  /** False only where it remembers what it did when it was saved last. */
  isChanged(): boolean
  save(): LogRuleState
}

export interface Texts extends RuleTexts {
  alert: string
}

/** It is a label already. */
const serviceNames = new Set<string>(['service', identityFields.service])

const maxLabel = 200

const defaultHoldMs = 5 * 60_000

const aggregatedKinds: readonly string[] = [
  'metric_aggregation',
  'percentage_match',
  'spike_aggregation',
] satisfies KindName[]

const ownParameters = z.object({ ...aggregatingParameters, ...tellingParameters })

/** What stands among the parameters of a kind and is not its own. */
interface Read {
  kind: Record<string, unknown>
  own: z.output<typeof ownParameters>
  /** Fields by which groups are kept. */
  keys: readonly string[]
}

/** Throws where the kind or one of its parameters is wrong, and names it. */
export function compileLogRule(
  { type, from = 'logs', where, parameters, ...declared }: LogRuleDeclaration,
  texts: Texts,
): LogRule {
  const name = kindNames.find((known): known is KindName => known === type)
  if (!name) throw new TypeError(`"${type}" is no kind of rule: there are ${kindNames.join(', ')}`)
  const read = readParameters(name, parameters)
  openKind(name, read.kind)
  openWindow(name, read, undefined)
  const isAggregated = aggregatedKinds.includes(name)
  const { timeframe } = parameters
  const windows = [timeframe, isAggregated ? read.own.buffer_time : undefined]
  const known = windows.filter((one) => typeof one === 'number')
  const spanMs = known.length === 0 ? undefined : known.reduce((sum, one) => sum + one, 0)
  // An aggregate is looked at anew at each evaluation: it need not be held, unless it is not told each time.
  const holdMs =
    declared.holdMs ?? (isAggregated ? (read.own.realert ?? 0) : spanMs) ?? defaultHoldMs
  return {
    from,
    where,
    spanMs: spanMs ?? holdMs,
    open: (restored) => openRule(name, read, texts, holdMs, restored),
  }
}

function readParameters(
  name: KindName,
  { query_key: given, ...parameters }: Record<string, unknown>,
): Read {
  const { data: own, error } = ownParameters.safeParse(parameters)
  if (!own) {
    const [issue] = error.issues
    throw new TypeError(`${name}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong'}`)
  }
  const rest = Object.entries(parameters).filter(
    ([key]) => !Object.hasOwn(ownParameters.shape, key),
  )
  const isAggregated = aggregatedKinds.includes(name)
  const strange = Object.keys(aggregatingParameters).find(
    (key) => !isAggregated && key in parameters,
  )
  if (strange !== undefined)
    throw new TypeError(`${name}: ${strange}: is for ${aggregatedKinds.join(', ')}`)
  const keys = z.union([
    z
      .string()
      .min(1)
      .transform((one) => [one]),
    z.array(z.string().min(1)).min(1),
  ])
  if (given === undefined) return { kind: Object.fromEntries(rest), own, keys: [] }
  const read = keys.safeParse(given)
  if (!read.data) throw new TypeError(`${name}: query_key: expected a field, or a list of fields`)
  const compound = read.data.length > 1 && isAggregated ? { compound_query_key: read.data } : {}
  // Of the others it tells alerts apart, and how often each is told.
  const grouped = isGrouped(name) ? { query_key: read.data.join(','), ...compound } : {}
  const kind = { ...Object.fromEntries(rest), ...grouped }
  return { kind, own, keys: read.data }
}

function openWindow(name: KindName, { kind, own }: Read, restored: AggregatingState | undefined) {
  const state = restored === undefined ? { slices: [] } : structuredClone(restored)
  const opened = openAggregating(name, { ...own, ...kind }, state)
  return { ...opened, save: () => state }
}

function openRule(
  name: KindName,
  read: Read,
  texts: Texts,
  holdMs: number,
  restored: LogRuleState | undefined,
): OpenLogRule {
  const kind = openKind(name, read.kind, restored?.kind)
  const window = aggregatedKinds.includes(name)
    ? openWindow(name, read, restored?.aggregating)
    : undefined
  const telling = openTelling(read.own, restored?.telling)
  const held = new Map(restored?.held.map((one) => [one.sample.fingerprint, one]))
  let isChanged = true

  function give(ts: number, events: readonly KindEvent[]): void {
    const sorted = events.map(withJoinedKey(read.keys)).toSorted((a, b) => a.ms - b.ms)
    if (window) {
      window.add(sorted)
      window.run(ts, kind)
    } else if (sorted.length > 0) kind.add?.(sorted)
    kind.collect?.(ts)
  }

  return {
    evaluate(ts, events) {
      const isTold = kind.collect !== undefined || window !== undefined
      isChanged ||= isTold || telling.isWaiting() || events.length > 0 || held.size > 0
      give(ts, events)
      const matches = kind.take().map((match) => ({
        match: { ...match.fields, ...match.added },
        sample: sampleOf(match, read.keys, texts),
        key: read.keys.map((one) => textOf(lookup(withKey(match, read.keys), one) ?? '')).join(','),
      }))
      for (const [fingerprint, { untilMs }] of held) if (untilMs <= ts) held.delete(fingerprint)
      for (const sample of telling.told(ts, matches)) {
        held.set(sample.fingerprint, { sample, untilMs: ts + holdMs })
      }
      return [...held.values()].map(({ sample }) => sample)
    },
    isChanged: () => isChanged,
    save() {
      isChanged = false
      return {
        kind: kind.save(),
        held: [...held.values()],
        ...(window ? { aggregating: window.save() } : {}),
        ...telling.save(),
      }
    },
  }
}

/** As ElastAlert does: a field that holds all of them. */
function withJoinedKey(keys: readonly string[]) {
  return (event: KindEvent): KindEvent => {
    if (keys.length < 2) return event
    const values = keys.map((key) => textOf(lookup(event.fields, key) ?? 'None'))
    return { ...event, fields: { ...event.fields, [keys.join(',')]: values.join(', ') } }
  }
}

function sampleOf(match: KindMatch, keys: readonly string[], texts: Texts): Sample {
  const { added, ms } = match
  const fields = withKey(match, keys)
  const service = lookup(fields, identityFields.service)
  const group: Identity = typeof service === 'string' ? { service } : {}
  const labels = { ...identityLabels(group), ...labelsOf(fields, [keys, added['new_field']]) }
  const scope = {
    ...group,
    alert: texts.alert,
    value: valueOf(added),
    match: { ...fields, ...added },
  }
  for (const [name, template] of texts.labels) {
    const text = template({ ...scope, labels })
    if (text === '') delete labels[name]
    else labels[name] = text
  }
  labels['alertname'] = texts.alert
  const annotations = Object.fromEntries(
    [...texts.annotations].map(([name, template]) => [name, template({ ...scope, labels })]),
  )
  return {
    fingerprint: fingerprintOf(labels),
    labels,
    group,
    value: valueOf(added),
    signals: {},
    lastMs: ms,
    annotations,
  }
}

/** What tells its alerts apart: the group it is kept by, and the term that is new. */
function labelsOf(fields: Record<string, unknown>, names: readonly unknown[]) {
  const labels: Record<string, string> = {}
  for (const name of names.flat(2).filter((one) => typeof one === 'string')) {
    const value = serviceNames.has(name) ? undefined : lookup(fields, name)
    if (value !== undefined)
      labels[name.replace(/\W/g, '_')] = textOf(value).slice(0, maxLabel).toWellFormed()
  }
  return labels
}

/** What stands for the absence of lines has no field but the group that is told beside it. */
function withKey({ fields, added }: KindMatch, keys: readonly string[]): KindMatch['fields'] {
  const { key } = added
  const [only, ...others] = keys
  if (only === undefined || key === undefined || lookup(fields, only) !== undefined) return fields
  if (others.length === 0) {
    return { ...fields, [serviceNames.has(only) ? identityFields.service : only]: key }
  }
  const values = textOf(key).split(', ')
  if (values.length !== keys.length) return fields
  return { ...fields, ...Object.fromEntries(keys.map((one, at) => [one, values[at]])) }
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

/** What the kind has counted or measured; of single lines one. */
function valueOf(added: Record<string, unknown>): number {
  const names = ['spike_count', 'count', 'percentage', 'metric_agg_value']
  const found = names.map((name) => added[name]).find((value) => typeof value === 'number')
  return typeof found === 'number' ? found : 1
}
