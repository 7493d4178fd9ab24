import { identityFields, identityFromEcs, type Identity } from '../../pipeline/identity.ts'
import { kindNames, openKind, type KindName } from './kinds/index.ts'
import { lookup, type KindEvent, type KindMatch } from './kinds/kind.ts'
import { fingerprintOf, identityLabels, type Sample } from './rule.ts'
import type { Template } from './template.ts'

/** A rule on single lines, of one of ElastAlert's kinds. */
export interface LogRuleDeclaration {
  type: string
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
}

/** A rule that looks at the lines between two evaluations. */
export interface LogRule {
  where: string
  /** So far back what it tells of may lie, ms. */
  spanMs: number
  open(restored?: LogRuleState): OpenLogRule
}

export interface OpenLogRule {
  /** What is an alert at `ts`, given the lines that came before it since the last time. */
  evaluate(ts: number, events: readonly KindEvent[]): Sample[]
  save(): LogRuleState
}

export interface Texts {
  alert: string
  labels: ReadonlyMap<string, Template>
  annotations: ReadonlyMap<string, Template>
}

/** It is a label already. */
const serviceNames = new Set<string>(['service', identityFields.service])

const maxLabel = 200

const defaultHoldMs = 5 * 60_000

/** Throws where the kind or one of its parameters is wrong, and names it. */
export function compileLogRule(
  { type, where, parameters, ...declared }: LogRuleDeclaration,
  texts: Texts,
): LogRule {
  const name = kindNames.find((known): known is KindName => known === type)
  if (!name) throw new TypeError(`"${type}" is no kind of rule: there are ${kindNames.join(', ')}`)
  if (!openKind(name, parameters).add) {
    throw new TypeError(
      `${name} is no rule on single lines: declare a signal, and a condition over it`,
    )
  }
  const { timeframe, query_key: queryKey } = parameters
  const holdMs = declared.holdMs ?? (typeof timeframe === 'number' ? timeframe : defaultHoldMs)
  const key = typeof queryKey === 'string' ? queryKey : undefined
  return {
    where,
    spanMs: typeof timeframe === 'number' ? timeframe : holdMs,
    open(restored) {
      const kind = openKind(name, parameters, restored?.kind)
      const held = new Map(restored?.held.map((one) => [one.sample.fingerprint, one]))
      return {
        evaluate(ts, events) {
          if (events.length > 0) kind.add?.(events.toSorted((a, b) => a.ms - b.ms))
          kind.collect?.(ts)
          for (const match of kind.take()) {
            const sample = sampleOf(match, key, texts)
            held.set(sample.fingerprint, { sample, untilMs: ts + holdMs })
          }
          for (const [fingerprint, { untilMs }] of held) if (untilMs <= ts) held.delete(fingerprint)
          return [...held.values()].map(({ sample }) => sample)
        },
        save: () => ({ kind: kind.save(), held: [...held.values()] }),
      }
    },
  }
}

function sampleOf(match: KindMatch, queryKey: string | undefined, texts: Texts): Sample {
  const { added, ms } = match
  const fields = withKey(match, queryKey)
  const { service } = identityFromEcs(fields)
  const group: Identity = typeof service === 'string' ? { service } : {}
  const labels = { ...identityLabels(group), ...labelsOf(fields, [queryKey, added['new_field']]) }
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
  for (const name of names.flat().filter((one) => typeof one === 'string')) {
    const value = serviceNames.has(name) ? undefined : lookup(fields, name)
    if (value !== undefined) labels[name.replace(/\W/g, '_')] = textOf(value).slice(0, maxLabel)
  }
  return labels
}

/** What stands for the absence of lines has no field but the group that is told beside it. */
function withKey({ fields, added }: KindMatch, queryKey: string | undefined): KindMatch['fields'] {
  const { key } = added
  if (queryKey === undefined || key === undefined || lookup(fields, queryKey) !== undefined) {
    return fields
  }
  return { ...fields, [serviceNames.has(queryKey) ? identityFields.service : queryKey]: key }
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

/** What the kind has counted or measured; of single lines one. */
function valueOf(added: Record<string, unknown>): number {
  const names = ['spike_count', 'count', 'percentage', 'metric_agg_value']
  const found = names.map((name) => added[name]).find((value) => typeof value === 'number')
  return typeof found === 'number' ? found : 1
}
