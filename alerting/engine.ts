/**
 * Evaluation itself, without bus or clock: takes the records of `signals` in their order and steps along the grid
 * of evaluation times as far as everything has been measured. The same for live evaluation and back-tests.
 */
import { explain } from '../pipeline/errors.ts'
import type { OwnedState } from './records.ts'
import type { CompiledRules, Rule } from './rules/rule.ts'
import { abandon, advance, markUnknown, type AlertState, type Transition } from './rules/state.ts'
import { readBuckets, readWatermark, type SignalRecord } from './signal-records.ts'
import {
  groupKey,
  openSignalBoard,
  type SeenGroup,
  type SignalDeclarations,
  type SignalValues,
  type Watched,
} from './signals.ts'
import { factsOf, type RuleFacts } from './words.ts'

export interface EngineOptions {
  rules: CompiledRules
  signals: SignalDeclarations
  /** Distance of evaluation times, ms; they are its multiples. */
  intervalMs: number
  /** How far measuring must have come beyond an evaluation time. */
  lagAllowanceMs?: number
  /** Of the topic `logs`: each has its own watermark. */
  partitions: number
  seenForMs?: number
  /** Longer stretches that nobody evaluated are skipped, ms. */
  catchUpMs?: number
  /** A watermark that moves further than this at once tells that collecting was interrupted, ms; unless set it never was. */
  watchGapMs?: number
  /** What an earlier process left. */
  restored?: {
    states: OwnedState[]
    through: number | undefined
    seen: SeenGroup[]
    watched?: Watched | undefined
  }
}

export interface RuleHealth {
  alert: string
  when: string
  /** Evaluation time of the last evaluation, ms; undefined before the first. */
  lastEvaluation: number | undefined
  durationMs: number | undefined
  error: string | undefined
}

export interface RuleTransition extends Transition {
  rule: string
  facts: RuleFacts
  /** Why, where not because of a measurement. */
  reason?: string
}

export interface Step {
  ts: number
  transitions: RuleTransition[]
  silent: SeenGroup[]
  forgotten: SeenGroup[]
  /** Rules whose evaluation failed; their states are as before. */
  failures: { alert: string; error: string }[]
  /** Set where evaluation times before this one were skipped. */
  skippedFrom?: number
}

export interface Engine {
  /** Takes records in their order; returns what was not understood. */
  take(records: readonly SignalRecord[]): { offset: number; reason: string }[]
  /** The next evaluation, if everything before its time has been measured. */
  step(): Step | undefined
  /** All alerts, also those resolved a short while ago. */
  states(): OwnedState[]
  /** Marks what is active as unknown. */
  stall(ts: number): void
  /** Time up to which every partition was measured; undefined while one has never told. */
  measuredThrough(): number | undefined
  /** The partition that is furthest behind, and where it is. */
  slowest(): { partition: number; through: number | undefined }
  through(): number | undefined
  /** From when on absence can be told. */
  watched(): Watched | undefined
  /** Where a later process has to read from; `next` if nothing before is needed. */
  neededFrom(next: number): number
  health(): RuleHealth[]
}

const defaultCatchUpMs = 24 * 3_600_000

export function openEngine(options: EngineOptions): Engine {
  const { signals, intervalMs, lagAllowanceMs = 0, catchUpMs = defaultCatchUpMs } = options
  const { seenForMs } = options
  const board = openSignalBoard(signals, seenForMs === undefined ? {} : { seenForMs })
  const watermarks: (number | undefined)[] = Array.from({ length: options.partitions })
  const health = new Map(options.rules.rules.map((rule) => [rule.id, freshHealth(rule)]))
  /** Stretches of the topic and the event time up to which their buckets are needed. */
  let stretches: { offset: number; until: number }[] = []
  const carried: Pick<Step, 'silent' | 'forgotten'> = { silent: [], forgotten: [] }
  let states = byRule(options.restored?.states ?? [])
  let through = options.restored?.through
  let watched = options.restored?.watched
  let measuredBefore = through
  for (const seen of options.restored?.seen ?? []) board.remember(seen, true)

  function takeBuckets(record: SignalRecord) {
    let until = Number.NEGATIVE_INFINITY
    for (const bucket of readBuckets(record.value)) {
      const needed = board.neededUntil(bucket)
      if (through !== undefined && needed <= through) {
        // Read again from further back than its window: only that the group was heard still matters.
        if (bucket.count > 0) board.remember(bucket, false)
      } else if (board.put(bucket)) until = Math.max(until, needed)
    }
    if (until > Number.NEGATIVE_INFINITY) noteStretch(record.offset, until)
  }

  function noteStretch(offset: number, until: number) {
    const last = stretches.at(-1)
    if (last && until - last.until < intervalMs) last.until = Math.max(last.until, until)
    else stretches.push({ offset, until })
  }

  /** Before the first evaluation nothing else forgets: a long history must not pile up in memory. */
  function trimHistory() {
    const measured = measuredThrough()
    if (through !== undefined || measured === undefined) return
    const oldest = Math.floor((measured - lagAllowanceMs) / intervalMs) * intervalMs
    const { silent, forgotten } = board.dropBefore(oldest)
    carried.silent.push(...silent)
    carried.forgotten.push(...forgotten)
    stretches = stretches.filter(({ until }) => until > oldest)
  }

  function takeWatermark(record: SignalRecord) {
    const { partition, through } = readWatermark(record.value, options.partitions)
    watermarks[partition] = Math.max(watermarks[partition] ?? through, through)
    noteInterruption()
  }

  /** What nobody collected meanwhile came late, or never: from it no absence can be concluded. */
  function noteInterruption() {
    const measured = measuredThrough()
    if (measured === undefined) return
    const { watchGapMs = Infinity } = options
    if (measuredBefore !== undefined && measured - measuredBefore > watchGapMs) {
      watched = { heardSince: 0, ...watched, since: measured }
    }
    measuredBefore = Math.max(measured, measuredBefore ?? measured)
  }

  function measuredThrough(): number | undefined {
    if (watermarks.includes(undefined)) return undefined
    return Math.min(...(watermarks as number[]))
  }

  /** The next evaluation time, and where skipping began if the one before was too long ago. */
  function nextTime(): { ts: number; skippedFrom?: number } | undefined {
    const measured = measuredThrough()
    if (measured === undefined) return undefined
    const newest = Math.floor((measured - lagAllowanceMs) / intervalMs) * intervalMs
    const next =
      through === undefined ? newest : Math.floor(through / intervalMs) * intervalMs + intervalMs
    if (next > newest) return undefined
    const earliest = newest - Math.floor(catchUpMs / intervalMs) * intervalMs
    return next < earliest ? { ts: earliest, skippedFrom: next } : { ts: next }
  }

  function evaluate(rule: Rule, ts: number, valuesOf: (signal: string) => SignalValues) {
    const before = states.get(rule.id) ?? new Map<string, OwnedState>()
    const vector = rule
      .evaluate(valuesOf)
      .filter(
        ({ unknown, fingerprint }) => !unknown || before.get(fingerprint)?.alert.state === 'firing',
      )
    const stranger = vector.find(({ fingerprint }) => ownedByAnother(states, rule.id, fingerprint))
    if (stranger) throw new Error('another rule has an alert with the same labels')
    const alerts = new Map([...before].map(([key, { alert }]) => [key, alert]))
    const advanced = advance(alerts, rule, ts, vector)
    const facts = factsOf(rule, signals)
    states.set(rule.id, own(rule.id, facts, advanced.states))
    return advanced.transitions.map((transition) =>
      Object.assign(transition, { rule: rule.id, facts }),
    )
  }

  /** A group with an alert is not forgotten: that would end the alert. */
  function firingGroups(): (group: string) => boolean {
    const firing = [...states.values()].flatMap((owned) =>
      [...owned.values()].filter(({ alert }) => alert.state === 'firing'),
    )
    const groups = new Set(firing.map(({ alert }) => groupKey(alert.group)))
    return (group) => groups.has(group)
  }

  /** Alerts of rules that are declared no longer. */
  function abandonOrphans(ts: number): RuleTransition[] {
    const transitions: RuleTransition[] = []
    for (const [rule, owned] of states) {
      if (health.has(rule) || options.rules.faulty.has(rule)) continue
      states.delete(rule)
      for (const { facts, alert } of owned.values()) {
        const transition = abandon(alert, ts)
        if (!transition || alert.firedAt === undefined) continue
        transitions.push({ ...transition, rule, facts, reason: 'its rule was removed' })
      }
    }
    return transitions
  }

  return {
    take(records) {
      const faults: { offset: number; reason: string }[] = []
      for (const record of records) {
        try {
          if (record.headers['kind'] === 'watermark') takeWatermark(record)
          else if (record.headers['kind'] === 'bucket') takeBuckets(record)
          else throw new Error(`unknown kind "${record.headers['kind']}"`)
        } catch (error) {
          faults.push({ offset: record.offset, reason: explain(error) })
        }
      }
      trimHistory()
      return faults
    },
    step() {
      const next = nextTime()
      if (!next) return undefined
      const { ts } = next
      const cache = new Map<string, SignalValues>()
      const valuesOf = (signal: string) => {
        const values = cache.get(signal) ?? board.valuesAt(signal, ts, watched)
        cache.set(signal, values)
        return values
      }
      const transitions = abandonOrphans(ts)
      const failures: Step['failures'] = []
      for (const rule of options.rules.rules) {
        const began = performance.now()
        const state: RuleHealth = { ...freshHealth(rule), lastEvaluation: ts }
        try {
          transitions.push(...evaluate(rule, ts, valuesOf))
        } catch (error) {
          state.error = explain(error).split('\n')[0] ?? ''
          failures.push({ alert: rule.alert, error: state.error })
        }
        state.durationMs = performance.now() - began
        health.set(rule.id, state)
      }
      through = ts
      stretches = stretches.filter(({ until }) => until > ts)
      const { silent, forgotten } = board.dropBefore(ts, firingGroups())
      const step = { ...next, transitions, failures }
      return {
        ...step,
        forgotten: [...carried.forgotten.splice(0), ...forgotten],
        silent: [...carried.silent.splice(0), ...silent],
      }
    },
    states: () => [...states.values()].flatMap((owned) => [...owned.values()]),
    stall(ts) {
      const marked = new Map<string, Map<string, OwnedState>>()
      for (const [rule, owned] of states) {
        const alerts = new Map([...owned].map(([key, { alert }]) => [key, alert]))
        const unknown = markUnknown(alerts, ts)
        const entries = [...owned].map(([key, state]) => {
          return [key, { ...state, alert: unknown.get(key) ?? state.alert }] as const
        })
        marked.set(rule, new Map(entries))
      }
      states = marked
    },
    measuredThrough,
    slowest() {
      const order = [...watermarks.entries()].toSorted(
        ([, a], [, b]) => (a ?? Number.NEGATIVE_INFINITY) - (b ?? Number.NEGATIVE_INFINITY),
      )
      const [partition, at] = order[0] ?? [0, undefined]
      return { partition, through: at }
    },
    through: () => through,
    watched: () => watched,
    neededFrom: (next) => stretches[0]?.offset ?? next,
    health: () => [...health.values()],
  }
}

function freshHealth({ alert, when }: Rule): RuleHealth {
  return { alert, when, lastEvaluation: undefined, durationMs: undefined, error: undefined }
}

type StatesByRule = Map<string, Map<string, OwnedState>>

function byRule(states: readonly OwnedState[]): StatesByRule {
  const rules: StatesByRule = new Map()
  for (const state of states) {
    const owned = rules.get(state.rule) ?? new Map<string, OwnedState>()
    owned.set(state.alert.fingerprint, state)
    rules.set(state.rule, owned)
  }
  return rules
}

function own(rule: string, facts: RuleFacts, alerts: ReadonlyMap<string, AlertState>) {
  return new Map([...alerts].map(([key, alert]) => [key, { rule, facts, alert }] as const))
}

function ownedByAnother(states: StatesByRule, rule: string, fingerprint: string): boolean {
  for (const [other, owned] of states) {
    const state = owned.get(fingerprint)
    if (other !== rule && state && state.alert.state !== 'inactive') return true
  }
  return false
}
