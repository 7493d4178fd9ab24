import { openBacktest } from '../alerting/backtest.ts'
import { compileRules, type CompiledRules } from '../alerting/rules/compile.ts'
import type { Notification, OwnedState } from '../alerting/records.ts'
import { levelOf } from '../collectors/level.ts'
import { declaredRule, declaredSignals } from '../config/declared.ts'
import type { Settings } from '../config/settings.ts'
import type { Bus, BusRecord, ProducedRecord } from '../pipeline/bus/bus.ts'
import { msToIso, type ChangeDoc, type SampleDoc } from '../pipeline/event.ts'
import { identityToEcs } from '../pipeline/identity.ts'
import { silentLog } from '../pipeline/log.ts'
import { openMetrics } from '../pipeline/metrics.ts'
import { encodeRecord, toBusRecord } from '../pipeline/record.ts'
import type {
  ExpectedAlert,
  ExpectedAlerts,
  ExpectedTold,
  RuleInput,
  RuleTest,
  RuleTestResult,
} from '../pipeline/rule-test.ts'
import { encodeSamples, samplesToBus } from '../pipeline/sample.ts'
import type { SignalDeclarations, SignalTopic } from '../pipeline/signals.ts'
import { openMatchingLines } from '../processors/matching-lines.ts'
import { openRemeasurer } from '../processors/remeasure.ts'
import { nothingKnown } from '../processors/resolve.ts'
import { watchGapMs } from './alerts.ts'

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
  const wantedLines = rules.rules.flatMap(({ id, log }) => (log ? [{ id, where: log.where }] : []))
  const backtest = openBacktest({
    signals,
    intervalMs,
    rules,
    partitions: () => 1,
    watchGapMs,
    ...(wantedLines.length === 0
      ? {}
      : {
          lines: await openMatchingLines({
            bus: logsOf(steps.flatMap(({ came }) => came.logs)),
            catalog: nothingKnown,
            wanted: wantedLines,
            from: [0],
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

interface Arrival {
  atMs: number
  topic: SignalTopic
  record: ProducedRecord
}

/** All that comes, by the time at which it does. */
function arrivalsOf({ input, startMs }: RuleTest) {
  const all = input.flatMap((one, index) => eventsOf(one, index, startMs))
  const queues = Map.groupBy(
    all.toSorted((a, b) => a.atMs - b.atMs),
    ({ topic }) => topic,
  )
  const next = new Map<SignalTopic, number>()

  /** Of a topic what came before `ms` and was not taken yet, and the mark behind it. */
  function takeOf(topic: SignalTopic, ms: number): BusRecord[] {
    const queue = queues.get(topic) ?? []
    const first = next.get(topic) ?? 0
    let end = first
    while ((queue[end]?.atMs ?? Infinity) < ms) end++
    next.set(topic, end)
    const came = queue
      .slice(first, end)
      .map(({ record, atMs }, n) => busRecord(record, first + n, atMs))
    return [...came, markOf(ms)]
  }

  return {
    take: (ms: number) => ({
      logs: takeOf('logs', ms),
      metrics: takeOf('metrics', ms),
      changes: takeOf('changes', ms),
    }),
  }
}

/** A bus that has these lines alone. */
function logsOf(records: readonly BusRecord[]): Pick<Bus, 'partitions' | 'read' | 'ends'> {
  const numbered = records.map((record, offset) => ({ ...record, offset }))
  return {
    partitions: () => 1,
    ends: async () => [numbered.length],
    read: async (topic, partition, offset) => ({
      topic,
      partition,
      from: offset,
      end: numbered.length,
      records: numbered.slice(offset, offset + 1000),
      next: Math.min(offset + 1000, numbered.length),
    }),
  }
}

function busRecord(record: ProducedRecord, offset: number, time: number): BusRecord {
  return { headers: {}, ...record, offset, time }
}

const markOf = (ms: number): BusRecord => ({
  offset: 0,
  key: 'mark',
  value: new Uint8Array(),
  headers: { kind: 'mark', collector: 'test', through: String(ms) },
  time: ms,
})

function eventsOf(one: RuleInput, index: number, startMs: number): Arrival[] {
  const { fromMs, toMs, everyMs, lateMs } = one
  const events: Arrival[] = []
  for (let at = fromMs, n = 0; at < toMs; at += everyMs, n++) {
    const ms = startMs + at
    events.push({ ...eventOf(one, { index, n, ms }), atMs: ms + lateMs })
  }
  return events
}

function eventOf(
  { identity, event }: RuleInput,
  { index, n, ms }: { index: number; n: number; ms: number },
): Omit<Arrival, 'atMs'> {
  const source = `test:${index}`
  const id = `${source}:${n}`
  const lineage = 'test'
  const common = { '@timestamp': msToIso(ms), 'event.id': id, 'event.sequence': n }
  if ('log' in event) {
    const { message, level = levelOf(JSON.stringify(message).slice(1, -1)), fields } = event.log
    const stamped = { ...common, 'log.level': level, 'log.iostream': 'stdout' as const, message }
    const line = { ...fields, ...stamped, ...identityToEcs(identity) }
    return {
      topic: 'logs',
      record: toBusRecord(encodeRecord([line], { source, lineage, identity })),
    }
  }
  if ('sample' in event) {
    const doc: SampleDoc = { ...common, metrics: event.sample, ...identityToEcs(identity) }
    return { topic: 'metrics', record: samplesToBus(encodeSamples([doc], { source, lineage })) }
  }
  const { kind, action, message, fields } = event.change
  const doc = {
    ...fields,
    '@timestamp': msToIso(ms),
    'event.id': id,
    'event.kind': kind as ChangeDoc['event.kind'],
    'event.action': action,
    message,
    ...identityToEcs(identity),
  }
  return { topic: 'changes', record: { key: id, value: Buffer.from(JSON.stringify(doc)) } }
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
