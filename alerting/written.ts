import type { ProducedRecord } from '../pipeline/bus/bus.ts'
import {
  encode,
  erase,
  healthKey,
  logKey,
  stateKey,
  type AlertRecords,
  type OwnedState,
  type Progress,
  type RuleHealth,
} from './records.ts'
import type { RuleFault } from './rules/compile.ts'
import type { LogRuleState } from './rules/log-rule.ts'

/** Writes only what differs from what was written last. */
export function stateWriter({ states }: AlertRecords) {
  const written = new Map<string, string>()
  for (const state of states) written.set(stateKey(state.alert.fingerprint), JSON.stringify(state))
  return {
    changed(states: readonly OwnedState[]): ProducedRecord[] {
      const records: ProducedRecord[] = []
      const gone = new Set(written.keys())
      for (const state of states) {
        const key = stateKey(state.alert.fingerprint)
        const text = JSON.stringify(state)
        gone.delete(key)
        if (written.get(key) === text) continue
        written.set(key, text)
        records.push(encode(key, state))
      }
      for (const key of gone) {
        written.delete(key)
        records.push(erase(key))
      }
      return records
    },
  }
}

/** Of the same signals: others are measured from other topics. */
export function restoredInputs(progress: Progress | undefined, signalsHash: string) {
  return progress?.inputs && progress.signals === signalsHash ? { inputs: progress.inputs } : {}
}

export function startOffset({ progress }: AlertRecords, signalsHash: string): number {
  return progress && progress.signals === signalsHash ? progress.offset : 0
}

/** A record that is larger than the bus takes (16 MiB) would stop all rules. */
const maxStateBytes = 12 * 2 ** 20

/**
 * What rules on single lines remember, where it differs from what was written last; of rules that are gone nothing is kept.
 * `onTooLarge` is told of what is not written: after a restart its rule goes on from what it remembered before.
 */
export function logWriter(
  { logs }: Pick<AlertRecords, 'logs'>,
  kept: ReadonlySet<string>,
  onTooLarge: (rule: string, bytes: number) => void = () => {},
) {
  const written = new Map([...logs].map(([rule, state]) => [rule, JSON.stringify(state)]))
  return (states: readonly [rule: string, state: LogRuleState][]): ProducedRecord[] => {
    const gone = [...written.keys()].filter((rule) => !kept.has(rule))
    for (const rule of gone) written.delete(rule)
    const changed = states.flatMap(([rule, state]) => {
      const text = JSON.stringify(state)
      if (written.get(rule) === text) return []
      const record = encode(logKey(rule), { rule, state })
      const { byteLength } = record.value
      if (byteLength > maxStateBytes) {
        onTooLarge(rule, byteLength)
        return []
      }
      written.set(rule, text)
      return [record]
    })
    return [...gone.map((rule) => erase(logKey(rule))), ...changed]
  }
}

/** Of rules that could not be compiled. */
export function faultyViews(faults: readonly RuleFault[]): RuleHealth[] {
  return faults.map(({ alert, path, message }) => ({
    alert: alert ?? (path || message),
    when: path || message,
    lastEvaluation: undefined,
    durationMs: undefined,
    error: message,
  }))
}

/** So often it is told how rules are evaluated, where nothing else is to be said of them, ms of event time. */
const healthEveryMs = 10_000

/** For other processes: what is wrong with a rule at once, the rest from time to time. */
export function healthWriter() {
  let writtenAt = -Infinity
  let errors = ''
  return (ts: number, rules: readonly RuleHealth[]): ProducedRecord[] => {
    const now = JSON.stringify(rules.map(({ alert, error }) => [alert, error]))
    if (now === errors && ts - writtenAt < healthEveryMs) return []
    errors = now
    writtenAt = ts
    return [encode(healthKey, { rules })]
  }
}
