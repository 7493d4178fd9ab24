/**
 * Evaluation itself, without bus or clock: takes the records of `signals` in their order and steps along the grid
 * of evaluation times as far as everything has been measured. The same for live evaluation and back-tests.
 */
import { explain } from '../pipeline/errors.ts'
import { measuredBehind, openDerived, sampledSignals } from '../pipeline/signal-derived.ts'
import {
  openSignalGrid,
  type GridTime,
  type SignalGrid,
  type SignalGridOptions,
} from '../pipeline/signal-grid.ts'
import { groupKey, type SeenGroup, type SignalValues } from '../pipeline/signals.ts'
import type { OwnedState, RuleHealth } from './records.ts'
import type { CompiledRules } from './rules/compile.ts'
import type { Rule, Sample } from './rules/rule.ts'
import { markFlapping, type FlapChange, type FlapSettings } from './rules/flap-marking.ts'
import { abandon, advance, markUnknown, type AlertState, type Transition } from './rules/state.ts'
import type { KindEvent } from './rules/kinds/kind.ts'
import type { LogRuleState } from './rules/log-rule.ts'
import { suspend } from './suspended.ts'
import { fateOf, silentSamples, type Evaluation, type Fate } from './unmeasured.ts'
import { factsOf, type RuleFacts } from './words.ts'

export interface EngineOptions extends SignalGridOptions {
  rules: CompiledRules
  /** Gives the lines that a rule on single lines wants, of before `ts` and not given yet. */
  linesOf?: (rule: string, ts: number) => readonly KindEvent[]
  /** Unless set nothing is said of flapping. */
  flapping?: FlapSettings
  /** Shown the signals of an evaluation, unless newer ones are due at once. */
  onValues?: (valuesOf: (signal: string) => SignalValues) => void
  /** What an earlier process left. */
  restored?: NonNullable<SignalGridOptions['restored']> & {
    states: OwnedState[]
    logs?: ReadonlyMap<string, LogRuleState>
  }
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
  /** Alerts that began to change too often, or do no more. */
  flaps: (FlapChange & { facts: RuleFacts })[]
  silent: SeenGroup[]
  forgotten: SeenGroup[]
  /** Rules whose evaluation failed; their states are as before. */
  failures: { alert: string; error: string }[]
  /** Set where evaluation times before this one were skipped. */
  skippedFrom?: number
}

/** Reads and steps along the grid of evaluation times as {@link SignalGrid} says. */
export interface Engine extends Omit<SignalGrid, 'next' | 'done'> {
  /** Time of the next evaluation, if everything before it has been measured, ms. */
  due(): number | undefined
  /** The next evaluation, if everything before its time has been measured. */
  step(): Step | undefined
  /** What rules on single lines remember, by their id, where it has changed since it was asked for last. */
  logs(): [rule: string, state: LogRuleState][]
  /** All alerts, also those resolved a short while ago. */
  states(): OwnedState[]
  /** Marks what is active as unknown. */
  stall(ts: number): void
  health(): RuleHealth[]
}

/** A rule, with what is the same at each evaluation. */
interface Asked {
  rule: Rule
  facts: RuleFacts
  /** Signals for which it is an alert that they are measured no more. */
  missable: readonly string[]
}

export function openEngine(options: EngineOptions): Engine {
  const { signals, onValues } = options
  const { signals: derived } = openDerived(signals)
  const sampled = sampledSignals(signals, derived)
  const asked = options.rules.rules.map(askedOf)
  const missed = asked.flatMap(({ missable }) => missable)
  const grid = openSignalGrid({ ...options, missed: new Set(missed) })
  const health = new Map(options.rules.rules.map((rule) => [rule.id, freshHealth(rule)]))
  const states: StatesByRule = new Map()
  const logs = new Map(
    options.rules.rules.flatMap(({ id, log }) =>
      log ? [[id, log.open(options.restored?.logs?.get(id))] as const] : [],
    ),
  )
  /** By fingerprint of what is active: the rule that has it. */
  const owners = new Map<string, string>()
  let flaps: Step['flaps'] = []
  for (const [rule, owned] of byRule(options.restored?.states ?? [])) put(rule, owned)

  function askedOf(rule: Rule): Asked {
    const measured = rule.noData === 'alert' ? measuredBehind(rule.reads, signals, derived) : []
    const missable = measured.filter((name) => sampled.has(name))
    return { rule, facts: factsOf(rule, signals, derived), missable }
  }

  /** Takes the place of what the rule had. */
  function put(rule: string, owned: Map<string, OwnedState>): void {
    for (const key of states.get(rule)?.keys() ?? []) {
      if (owners.get(key) === rule) owners.delete(key)
    }
    if (owned.size === 0) states.delete(rule)
    else states.set(rule, owned)
    for (const [key, { alert }] of owned) if (alert.state !== 'inactive') owners.set(key, rule)
  }

  const isNewest = (ts: number) => (grid.measuredThrough() ?? ts) - ts < 2 * options.intervalMs

  function evaluate(
    { rule, facts, missable }: Asked,
    { ts, valuesOf, silentOf, skippedFrom }: GridTime,
  ) {
    const before = states.get(rule.id) ?? new Map<string, OwnedState>()
    const isFiring = (key: string) => before.get(key)?.alert.state === 'firing'
    const given = options.linesOf?.(rule.id, ts) ?? []
    const found = (
      logs.get(rule.id)?.evaluate(ts, given) ?? rule.evaluate(valuesOf, isFiring, ts)
    ).filter(({ unknown, fingerprint }) => !unknown || isFiring(fingerprint))
    const { reads, noData } = rule
    const { seenForMs: unknownForMs, intervalMs } = options
    const { endOf } = grid
    const evaluation = { ts, reads, signals, sampled, valuesOf, endOf, unknownForMs }
    const known = new Set(found.map(({ fingerprint }) => fingerprint))
    const silent =
      noData === 'alert' ? silentSamples(rule, { ...evaluation, silentOf, missable }) : []
    const vector = [...found, ...silent.filter(({ fingerprint }) => !known.has(fingerprint))]
    const stranger = vector.find(
      ({ fingerprint }) => (owners.get(fingerprint) ?? rule.id) !== rule.id,
    )
    if (stranger) throw new Error('another rule has an alert with the same labels')
    const fates = fatesOf(rule, vector, evaluation)
    const unknown = [...fates.values()].flatMap(({ sample }) => sample ?? [])
    const alerts = new Map([...before].map(([key, { alert }]) => [key, alert]))
    const watch = { intervalMs, skippedFrom, watched: grid.watched() }
    const suspension = suspend(alerts, rule, vector, { ...evaluation, ...watch })
    const advanced = advance(suspension.alerts, rule, ts, [...vector, ...unknown])
    const after = marked(alerts, new Map([...advanced.states, ...suspension.aside]), ts, facts)
    put(rule.id, own(rule.id, facts, after))
    return advanced.transitions.map((transition): RuleTransition => {
      const reason = fates.get(transition.alert.fingerprint)?.reason
      const why = transition.to === 'resolved' && reason !== undefined ? { reason } : {}
      return { ...transition, rule: rule.id, facts, ...why }
    })
  }

  function marked(
    before: ReadonlyMap<string, AlertState>,
    after: Map<string, AlertState>,
    ts: number,
    facts: RuleFacts,
  ): Map<string, AlertState> {
    if (!options.flapping) return after
    const { states: known, changes } = markFlapping(before, after, ts, options.flapping)
    flaps.push(...changes.map((change) => ({ ...change, facts })))
    return known
  }

  /** All is as it was; where that is asked for, that it could not be evaluated is an alert beside it. */
  function standForFailure({ rule, facts }: Asked, error: string, ts: number): RuleTransition[] {
    const before = states.get(rule.id) ?? new Map<string, OwnedState>()
    const failed = rule.standIn({}, ts, { kind: 'error', error })
    const active = before.get(failed.fingerprint)?.alert
    const advanced = advance(new Map(active ? [[active.fingerprint, active]] : []), rule, ts, [
      failed,
    ])
    const others = [...before].filter(([key]) => key !== failed.fingerprint)
    put(rule.id, new Map([...others, ...own(rule.id, facts, advanced.states)]))
    return advanced.transitions.map((transition) => ({ ...transition, rule: rule.id, facts }))
  }

  /** Of alerts that the rule has no result for any more. */
  function fatesOf(
    rule: Rule,
    vector: readonly Sample[],
    evaluation: Evaluation,
  ): Map<string, Fate> {
    const results = new Set(vector.map(({ fingerprint }) => fingerprint))
    const fates = new Map<string, Fate>()
    for (const [fingerprint, { alert }] of states.get(rule.id) ?? []) {
      const fate = results.has(fingerprint) ? undefined : fateOf(alert, evaluation, rule.noData)
      if (fate) fates.set(fingerprint, fate)
    }
    return fates
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
      put(rule, new Map())
      for (const { facts, alert } of owned.values()) {
        const transition = abandon(alert, ts)
        if (!transition || alert.firedAt === undefined) continue
        transitions.push({ ...transition, rule, facts, reason: 'its rule was removed' })
      }
    }
    return transitions
  }

  return {
    take: grid.take,
    due: () => grid.next()?.ts,
    logs: () =>
      [...logs].flatMap(([rule, open]) => (open.isChanged() ? [[rule, open.save()]] : [])),
    step() {
      const due = grid.next()
      if (!due) return undefined
      const { valuesOf, silentOf: _, ...time } = due
      const { ts } = time
      const transitions = abandonOrphans(ts)
      const failures: Step['failures'] = []
      flaps = []
      for (const one of asked) {
        const { rule } = one
        const began = performance.now()
        const state: RuleHealth = { ...freshHealth(rule), lastEvaluation: ts }
        try {
          transitions.push(...evaluate(one, due))
        } catch (error) {
          state.error = explain(error).split('\n')[0] ?? ''
          failures.push({ alert: rule.alert, error: state.error })
          if (rule.onError === 'alert') transitions.push(...standForFailure(one, state.error, ts))
        }
        state.durationMs = performance.now() - began
        health.set(rule.id, state)
      }
      if (isNewest(ts)) onValues?.(valuesOf)
      return { ...time, transitions, flaps, failures, ...grid.done(ts, firingGroups()) }
    },
    states: () => [...states.values()].flatMap((owned) => [...owned.values()]),
    stall(ts) {
      for (const [rule, owned] of states) {
        const alerts = new Map([...owned].map(([key, { alert }]) => [key, alert]))
        const unknown = markUnknown(alerts, ts)
        const entries = [...owned].map(([key, state]) => {
          return [key, { ...state, alert: unknown.get(key) ?? state.alert }] as const
        })
        put(rule, new Map(entries))
      }
    },
    endOf: grid.endOf,
    measuredThrough: grid.measuredThrough,
    slowest: grid.slowest,
    inputs: grid.inputs,
    through: grid.through,
    watched: grid.watched,
    neededFrom: grid.neededFrom,
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
