import { restoredActiveAt } from '../../alerting/rules/restore.ts'
import { fingerprintOf, type Sample } from '../../alerting/rules/rule.ts'
import { sendingOf } from '../../alerting/rules/sending.ts'
import { advance, type AlertState, type StateRule } from '../../alerting/rules/state.ts'
import { differing, type OracleCase, type Replays } from './oracle.ts'

/* Cases made with a real Prometheus: times are seconds there, and ms here. */

type Labels = Record<string, string>

interface Timelines {
  rule: { alert: string; for?: number; keep_firing_for?: number; labels?: Labels }
  steps: { t: number; vector: { labels: Labels; value: number }[]; alerts: unknown[] }[]
}

function ruleOf({ for: hold = 0, keep_firing_for: keep = 0 }: Timelines['rule']): StateRule {
  return { forMs: hold * 1000, keepFiringForMs: keep * 1000, lowIsWorse: false }
}

function sampleOf(
  { labels, value }: { labels: Labels; value: number },
  rule: { alert: string; labels?: Labels },
): Sample {
  const { __name__: _, ...own } = labels
  const all = { ...own, ...rule.labels, alertname: rule.alert }
  const rest = { group: {}, signals: {}, annotations: {}, lastMs: 0 }
  return { fingerprint: fingerprintOf(all), labels: all, value, ...rest }
}

const byLabels = <T extends { labels: Labels }>(all: readonly T[]): T[] =>
  all.toSorted((a, b) => (fingerprintOf(a.labels) < fingerprintOf(b.labels) ? -1 : 1))

function timelines(one: OracleCase): string[] {
  const { rule, steps } = one as OracleCase & Timelines
  let states = new Map<string, AlertState>()
  return steps.flatMap(({ t, vector, alerts }) => {
    const samples = vector.map((result) => sampleOf(result, rule))
    states = advance(states, ruleOf(rule), t * 1000, samples).states
    const active = [...states.values()].filter(({ state }) => state !== 'inactive')
    const got = active.map(({ labels, state, activeAt }) => ({
      labels,
      state,
      activeAt: activeAt / 1000,
    }))
    return differing(`at ${t} s`, byLabels(alerts as typeof got), byLabels(got))
  })
}

interface Restore {
  series: { series: string; values: (number | null)[] }[]
  expr: string
  sampleIntervalSeconds: number
  evaluationIntervalSeconds: number
  forSeconds: number
  keepFiringForSeconds: number
  forGracePeriodSeconds: number
  outageToleranceSeconds: number
  resendDelaySeconds: number
  lastEvalBeforeDown: number
  steps: { t: number; event: string; alerts: unknown[]; sent: unknown[] }[]
}

/** Of `m > 50`, the one expression that these cases have. */
function resultsOf({ series, expr, sampleIntervalSeconds }: Restore, t: number) {
  const above = Number(/^m > (\d+)$/.exec(expr)?.[1] ?? NaN)
  if (Number.isNaN(above)) throw new Error(`the expression ${expr} is not understood`)
  return series.flatMap(({ series: name, values }) => {
    const host = /^m\{host="(\w+)"\}$/.exec(name)?.[1]
    if (host === undefined) throw new Error(`the series ${name} is not understood`)
    const value = values[Math.floor(t / sampleIntervalSeconds)]
    if (typeof value !== 'number') throw new Error(`at ${t} s there is no value`)
    return value > above ? [{ labels: { host }, value }] : []
  })
}

function restore(one: OracleCase): string[] {
  const given = one as OracleCase & Restore
  const declared = { alert: 'A', labels: { severity: 'page' } }
  const rule: StateRule = {
    forMs: given.forSeconds * 1000,
    keepFiringForMs: given.keepFiringForSeconds * 1000,
    lowIsWorse: false,
  }
  const sending = {
    intervalMs: given.evaluationIntervalSeconds * 1000,
    resendMs: given.resendDelaySeconds * 1000,
  }
  let states = new Map<string, AlertState>()
  let before = states
  /** By fingerprint and when it began: one that fires anew was not sent. */
  let sentAt = new Map<string, number>()

  function evaluate(ts: number) {
    const samples = resultsOf(given, ts / 1000).map((result) => sampleOf(result, declared))
    states = advance(states, rule, ts, samples).states
    return [...states.values()].flatMap((alert) => {
      const key = `${alert.fingerprint} ${alert.firedAt}`
      const sent = sendingOf(alert, sentAt.get(key), ts, sending)
      if (!sent) return []
      sentAt.set(key, ts)
      const { startsAt, endsAt, resolved } = sent
      return [{ labels: alert.labels, startsAt: startsAt / 1000, endsAt: endsAt / 1000, resolved }]
    })
  }

  function restoreAll(ts: number): void {
    const outage = {
      downAt: given.lastEvalBeforeDown * 1000,
      ts,
      forMs: rule.forMs,
      graceMs: given.forGracePeriodSeconds * 1000,
      toleranceMs: given.outageToleranceSeconds * 1000,
    }
    for (const [key, alert] of states) {
      const known = before.get(key)
      if (alert.state === 'inactive' || !known || known.state === 'inactive') continue
      const activeAt = restoredActiveAt(known.activeAt, outage)
      if (activeAt !== undefined) states.set(key, { ...alert, activeAt })
    }
  }

  return given.steps.flatMap(({ t, event, alerts, sent }) => {
    const ts = t * 1000
    if (event === 'eval-first-after-restart') {
      // A new process, which has what was written and nothing else.
      before = states
      states = new Map()
      sentAt = new Map()
    }
    const sentNow = event === 'restore' ? [] : evaluate(ts)
    if (event === 'restore') restoreAll(ts)
    const got = [...states.values()]
      .filter(({ state }) => state !== 'inactive')
      .map(({ labels, state, activeAt, firedAt, keepFiringSince }) => ({
        labels,
        state,
        activeAt: activeAt / 1000,
        ...(firedAt === undefined ? {} : { firedAt: firedAt / 1000 }),
        ...(keepFiringSince === undefined ? {} : { keepFiringSince: keepFiringSince / 1000 }),
      }))
    return [
      ...differing(`alerts at ${t} s`, byLabels(alerts as typeof got), byLabels(got)),
      ...differing(`sent at ${t} s`, byLabels(sent as typeof sentNow), byLabels(sentNow)),
    ]
  })
}

export const prometheusReplays: Replays = {
  'prometheus/alert-timelines': timelines,
  'prometheus/for-state-restore': restore,
}
