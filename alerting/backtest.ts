import type { BacktestAnswer, BacktestIncident } from '../pipeline/backtest.ts'
import { isWatermark, type SignalRecord } from '../pipeline/signal-records.ts'
import { openEngine, type EngineOptions } from './engine.ts'
import type { LineReader } from './evaluator.ts'
import { notificationOf } from './outbox.ts'
import { incidentOf, notifyKey, type Notification, type OwnedState } from './records.ts'
import { explainValue } from './words.ts'

export interface BacktestOptions extends Omit<EngineOptions, 'onValues' | 'restored'> {
  /** What was firing or fired in [from, to] is told of, ms. */
  from: number
  to: number
  /** Evaluation begins after this time, ms; unless set as soon as everything has been measured once. */
  beginAt?: number
  /** Reads lines for rules that look at single ones. */
  lines?: LineReader
  /** Told of each evaluation, with all alerts, also those resolved a short while ago. */
  onEvaluated?: (ts: number, states: readonly OwnedState[]) => void
}

export interface Backtest {
  /** Takes records of the topic `signals` in their order, and evaluates as the evaluator does: whenever a watermark makes it due. */
  take(records: readonly SignalRecord[]): Promise<void>
  /** The last evaluation time, ms. */
  through(): number | undefined
  /** What was to be told within [from, to], in its order. */
  told(): Notification[]
  result(): Pick<BacktestAnswer, 'evaluated' | 'failures' | 'incidents'>
}

const never = new AbortController().signal

/** The rules along what was recorded; nothing is sent. */
export function openBacktest({
  from,
  to,
  beginAt,
  onEvaluated,
  lines,
  ...options
}: BacktestOptions): Backtest {
  const { intervalMs } = options
  const engine = openEngine({
    ...options,
    ...(lines ? { linesOf: lines.take } : {}),
    ...(beginAt === undefined
      ? {}
      : { restored: { states: [], through: Math.floor(beginAt / intervalMs) * intervalMs } }),
  })
  const keys = new Set<string>()
  const notifications: Notification[] = []
  const failures = new Map<string, number>()
  let evaluated: BacktestAnswer['evaluated']

  async function step(due: number): Promise<void> {
    await lines?.advance(due, never)
    const done = engine.step()
    if (!done) return
    const { ts, transitions } = done
    for (const transition of transitions) {
      const notification = notificationOf(transition, keys)
      if (!notification) continue
      keys.add(notifyKey(notification))
      notifications.push(notification)
    }
    onEvaluated?.(ts, engine.states())
    if (ts < from || ts > to) return
    evaluated = { from: evaluated?.from ?? ts, to: ts, count: (evaluated?.count ?? 0) + 1 }
    for (const { error } of done.failures) failures.set(error, (failures.get(error) ?? 0) + 1)
  }

  /** Of one that goes on, so far. */
  function peakOf({ incident }: BacktestIncident): { peak: number } | undefined {
    const state = engine.states().find(({ alert }) => incidentOf(alert) === incident)
    return state && { peak: state.alert.peak }
  }

  return {
    async take(records) {
      for (const record of records) {
        if ((engine.through() ?? -Infinity) > to) return
        engine.take([record])
        if (!isWatermark(record)) continue
        for (let ts = engine.due(); ts !== undefined; ts = engine.due()) await step(ts)
      }
    },
    through: engine.through,
    told: () => notifications.filter(({ ts }) => ts >= from && ts <= to),
    result: () => ({
      evaluated,
      failures: [...failures].map(([error, count]) => ({ error, count })),
      incidents: incidentsOf(notifications.filter(({ ts }) => ts <= to))
        .filter(({ resolvedAt = Infinity }) => resolvedAt >= from)
        .map((one) => (one.resolvedAt === undefined ? { ...one, ...peakOf(one) } : one)),
    }),
  }
}

/** An incident is told when it fires and when it is over. */
function incidentsOf(notifications: readonly Notification[]): BacktestIncident[] {
  const incidents = new Map<string, BacktestIncident>()
  for (const { incident, state, ts, alert, facts } of notifications) {
    const before = incidents.get(incident)
    const { labels, annotations, activeAt: since, peak } = alert
    if (state === 'resolved' && before) Object.assign(before, { resolvedAt: ts, peak })
    else if (state === 'firing') {
      const explanation = explainValue(facts, alert, ts)
      const told = { labels, annotations, since, firedAt: ts, explanation, peak, lines: [] }
      incidents.set(incident, { incident, ...told })
    }
  }
  return [...incidents.values()]
}
