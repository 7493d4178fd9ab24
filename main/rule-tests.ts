import { openBacktest } from '../alerting/backtest.ts'
import { compileRules, wantedLines, type CompiledRules } from '../alerting/rules/compile.ts'
import type { Notification, OwnedState } from '../alerting/records.ts'
import { declaredRule, declaredSignals } from '../config/declared.ts'
import type { Settings } from '../config/settings.ts'
import type { Bus, BusRecord, Topic } from '../pipeline/bus/bus.ts'
import { silentLog } from '../pipeline/log.ts'
import { openMetrics } from '../pipeline/metrics.ts'
import type {
  ExpectedAlert,
  ExpectedAlerts,
  ExpectedTold,
  RuleTest,
  RuleTestResult,
} from '../pipeline/rule-test.ts'
import type { SignalDeclarations } from '../pipeline/signals.ts'
import { openMatchingLines, type MatchedTopic } from '../processors/matching-lines.ts'
import { openRemeasurer } from '../processors/remeasure.ts'
import { nothingKnown } from '../processors/resolve.ts'
import { watchGapMs } from './alerts.ts'
import { arrivalsOf } from './rule-arrivals.ts'

/** Runs tests of rules by the code that measures and evaluates live; rules and signals are those of the settings. */
export async function runRuleTests(
  settings: Settings,
  tests: readonly RuleTest[],
): Promise<RuleTestResult[]> {
  const signals = declaredSignals(settings)
  const rules = compileRules(settings.alerts.map(declaredRule), signals)
  const results: RuleTestResult[] = []
  for (const one of tests) results.push(await runTest(one, { settings, signals, rules }))
  return results
}

interface Under {
  settings: Settings
  signals: SignalDeclarations
  rules: CompiledRules
}

async function runTest(
  one: RuleTest,
  { settings, signals, rules }: Under,
): Promise<RuleTestResult> {
  const { name, line, startMs, lengthMs, expect, told, only } = one
  const isMeant = ({ alert }: Pick<OwnedState, 'alert'>) =>
    !only || only.includes(alert.labels['alertname'] ?? '')
  const { interval: intervalMs, resolution: resolutionMs } = settings.evaluation
  const end = startMs + lengthMs
  const at = new Map<number, readonly OwnedState[]>()
  const wanted = new Set(expect.map(({ atMs }) => lastEvaluation(startMs + atMs, intervalMs)))
  const arrivals = arrivalsOf(one)
  const times = Array.from(
    { length: Math.floor(lengthMs / resolutionMs) },
    (_, n) => startMs + (n + 1) * resolutionMs,
  )
  const steps = times.map((now) => ({ now, came: arrivals.take(now) }))
  const ofLines = wantedLines(rules)
  const backtest = openBacktest({
    signals,
    intervalMs,
    rules,
    partitions: () => 1,
    watchGapMs,
    ...(ofLines.length === 0
      ? {}
      : {
          lines: await openMatchingLines({
            bus: busOf({
              logs: steps.flatMap(({ came }) => came.logs),
              changes: steps.flatMap(({ came }) => came.changes),
            }),
            catalog: nothingKnown,
            wanted: ofLines,
            from: async () => [0],
            log: silentLog,
          }),
        }),
    from: startMs,
    to: end,
    beginAt: startMs,
    onEvaluated: (ts, states) => void (wanted.has(ts) && at.set(ts, states.filter(isMeant))),
  })
  const remeasurer = openRemeasurer({
    signals,
    resolutionMs,
    catalog: nothingKnown,
    metrics: openMetrics(),
    log: silentLog,
  })
  for (const { came } of steps) {
    for (const topic of remeasurer.topics) {
      await backtest.take(await remeasurer.take(topic, 0, came[topic]))
    }
  }
  const differences = [
    ...expect.flatMap((expected) =>
      stateDifferences(expected, at.get(lastEvaluation(startMs + expected.atMs, intervalMs)) ?? []),
    ),
    ...(told ? toldDifferences(told, backtest.told().filter(isMeant), one) : []),
    ...backtest
      .result()
      .failures.map(({ error }) => ({ line, sentence: `a rule failed: ${error}` })),
  ]
  return { name, line, differences }
}

const lastEvaluation = (ms: number, intervalMs: number) => Math.floor(ms / intervalMs) * intervalMs

function busOf(
  topics: Record<MatchedTopic, BusRecord[]>,
): Pick<Bus, 'partitions' | 'read' | 'ends'> {
  const recordsOf = (topic: Topic) => topics[topic as MatchedTopic]
  return {
    partitions: () => 1,
    ends: async (topic) => [recordsOf(topic).length],
    read: async (topic, partition, from) => {
      const all = recordsOf(topic)
      const next = Math.min(from + 1000, all.length)
      const records = all.slice(from, next).map((record, n) => ({ ...record, offset: from + n }))
      return { topic, partition, from, end: all.length, records, next }
    },
  }
}

interface Active extends ExpectedAlert {
  value: number
}

function activeOf({ alert }: OwnedState): Active[] {
  if (alert.state === 'inactive') return []
  const { labels, annotations, value } = alert
  const state = alert.unknownSince === undefined ? alert.state : 'unknown'
  return [{ alert: labels['alertname'] ?? '', state, labels, annotations, value }]
}

type Difference = RuleTestResult['differences'][number]

/** Each that is expected is there, and no other. */
function stateDifferences(
  { line, atMs, alerts }: ExpectedAlerts,
  states: readonly OwnedState[],
): Difference[] {
  const left = states.flatMap(activeOf)
  const when = `at ${atMs / 1000} s`
  const missing = alerts.flatMap((expected) => {
    const found = left.findIndex((one) => one.state === expected.state && isLike(expected, one))
    if (found < 0) return [`${when} there is no ${worded(expected)}`]
    left.splice(found, 1)
    return []
  })
  const others = left.map((one) => `${when} there is ${worded(one)}, which is not expected`)
  return [...missing, ...others].map((sentence) => ({ line, sentence }))
}

function toldDifferences(
  told: readonly ExpectedTold[],
  notifications: readonly Notification[],
  { startMs, line }: RuleTest,
): Difference[] {
  const left = notifications.map(({ state, ts, alert }) => ({
    alert: alert.labels['alertname'] ?? '',
    state,
    atMs: ts - startMs,
    labels: alert.labels,
    annotations: alert.annotations,
    value: alert.value,
  }))
  const missing = told.flatMap((expected) => {
    const found = left.findIndex(
      (one) => one.state === expected.state && one.atMs === expected.atMs && isLike(expected, one),
    )
    if (found < 0) {
      const sentence = `${worded(expected)} is not told at ${expected.atMs / 1000} s`
      return [{ line: expected.line, sentence }]
    }
    left.splice(found, 1)
    return []
  })
  const others = left.map((one) => ({
    line,
    sentence: `${worded(one)} is told at ${one.atMs / 1000} s, which is not expected`,
  }))
  return [...missing, ...others]
}

type Shown = Pick<ExpectedAlert, 'alert' | 'labels' | 'annotations' | 'value'>

function isLike(expected: Shown, one: Shown): boolean {
  const has = (some: Record<string, string>, all: Record<string, string>) =>
    Object.entries(some).every(([key, value]) => all[key] === value)
  const { value } = expected
  const isNear =
    value === undefined || Math.abs(value - (one.value ?? NaN)) <= 1e-9 * Math.abs(value)
  return (
    expected.alert === one.alert &&
    has(expected.labels, one.labels) &&
    has(expected.annotations, one.annotations) &&
    isNear
  )
}

function worded({ alert, state, labels, annotations, value }: Shown & { state: string }): string {
  const shown = Object.entries(labels).filter(([name]) => name !== 'alertname')
  const texts = Object.entries(annotations).map(([name, text]) => `${name} "${text}"`)
  const parts = [
    `${alert} ${state}`,
    ...(value === undefined ? [] : [`of ${value}`]),
    ...(shown.length > 0 ? [`{${shown.map(([name, text]) => `${name}=${text}`).join(', ')}}`] : []),
    ...texts,
  ]
  return parts.join(' ')
}
