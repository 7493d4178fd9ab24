import type { AlertView } from '../dashboards/api.ts'
import type { Api } from './api.ts'
import { silences, toldAlerts, type AlertAnswer, type SilenceAnswer } from './notifying.ts'

/** Who is told of an alert, or why nobody is. */
export interface Notified {
  state: AlertAnswer['status']['state']
  receivers: string[]
  silencedBy: { id: string; by: string; comment: string; endsAt: string }[]
  inhibitedBy: { fingerprint: string; alertname?: string; service?: string }[]
}

export interface Standing {
  /** The alert with what is known of its notifications. */
  about(alert: AlertView): AlertView & { notification?: Notified }
  /** The alerts that others posted: those that are none of `own`, or of one that is over. */
  others(own: readonly AlertView[]): (AlertView & { notification: Notified })[]
}

/** Undefined where the Mesoscope there does not notify. */
export async function readStanding(api: Api): Promise<Standing | undefined> {
  const alerts = await toldAlerts(api)
  if (!alerts) return undefined
  const known = new Map((await silences(api)).map((one) => [one.id, one]))
  const byFingerprint = new Map(alerts.map((alert) => [alert.fingerprint, alert]))
  const byLabels = new Map(alerts.map((alert) => [keyOf(alert.labels), alert]))
  const notified = (alert: AlertAnswer): Notified => ({
    state: alert.status.state,
    receivers: alert.receivers.map(({ name }) => name),
    silencedBy: alert.status.silencedBy.flatMap((id) => silenceOf(known.get(id))),
    inhibitedBy: alert.status.inhibitedBy.map((id) => sourceOf(id, byFingerprint.get(id))),
  })
  return {
    about(alert) {
      // Over is over: who is told of one that fires again is told of another.
      const told = alert.state === 'resolved' ? undefined : byLabels.get(keyOf(alert.labels))
      return told ? { ...alert, notification: notified(told) } : alert
    },
    others(own) {
      const open = own.filter(({ state }) => state !== 'resolved')
      const ours = new Set(open.map(({ labels }) => keyOf(labels)))
      return alerts
        .filter(({ labels }) => !ours.has(keyOf(labels)))
        .map((alert) => ({ ...viewOf(alert), notification: notified(alert) }))
    },
  }
}

/** The same for the same labels; an empty one is none. */
function keyOf(labels: AlertView['labels']): string {
  const kept = Object.entries(labels).filter(([, value]) => value !== '')
  return JSON.stringify(kept.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function silenceOf(silence: SilenceAnswer | undefined): Notified['silencedBy'] {
  if (!silence) return []
  const { id, createdBy: by, comment, endsAt } = silence
  return [{ id, by, comment, endsAt }]
}

function sourceOf(fingerprint: string, alert: AlertAnswer | undefined) {
  const { alertname, service } = alert?.labels ?? {}
  return {
    fingerprint,
    ...(alertname === undefined ? {} : { alertname }),
    ...(service === undefined ? {} : { service }),
  }
}

/** As one of our own alerts, as far as others tell. */
function viewOf({
  fingerprint,
  labels,
  annotations,
  startsAt,
  generatorURL,
}: AlertAnswer): AlertView {
  const { alertname = '-', service } = labels
  return {
    incident: fingerprint,
    alert: alertname,
    ...(service === undefined ? {} : { service }),
    state: 'firing',
    since: Date.parse(startsAt),
    threshold: '-',
    labels,
    annotations,
    ...(generatorURL === undefined ? {} : { link: generatorURL }),
  }
}
