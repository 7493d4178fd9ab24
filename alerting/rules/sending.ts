/**
 * When an alert is handed to an Alertmanager, and what of it (Prometheus, `AlertingRule.sendAlerts`): at once when it fires
 * or is resolved, and again from time to time, since an Alertmanager forgets what it does not hear of.
 */
import type { AlertState } from './state.ts'

export interface Sending {
  startsAt: number
  /** When it was resolved; of one that fires, until when it may be believed without hearing more, ms. */
  endsAt: number
  resolved: boolean
}

export interface SendingRule {
  /** Between two evaluations, ms. */
  intervalMs: number
  /** An alert that goes on is sent again after so long, ms; a minute unless set. */
  resendMs?: number
}

const defaultResendMs = 60_000

/** What is to be sent of an alert at `ts`; undefined where nothing is. `lastSentAt`: of the same alert since it began, ms. */
export function sendingOf(
  alert: AlertState,
  lastSentAt: number | undefined,
  ts: number,
  { intervalMs, resendMs = defaultResendMs }: SendingRule,
): Sending | undefined {
  if (alert.state === 'pending') return undefined
  const { firedAt = ts, resolvedAt } = alert
  const isNews = lastSentAt === undefined || (resolvedAt !== undefined && resolvedAt > lastSentAt)
  if (!isNews && lastSentAt + resendMs >= ts) return undefined
  return {
    startsAt: firedAt,
    endsAt: resolvedAt ?? ts + 4 * Math.max(intervalMs, resendMs),
    resolved: resolvedAt !== undefined,
  }
}
