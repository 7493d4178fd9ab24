import { get } from './api.js'
import { labelsKey } from './matchers.js'

/**
 * What is told of alerts and what is silenced; undefined where this process has no part that notifies.
 * @param {AbortSignal} signal
 */
export async function readNotified(signal) {
  try {
    const [alerts, silences] = await Promise.all([
      get('api/v2/alerts', {}, signal),
      get('api/v2/silences', {}, signal),
    ])
    return { alerts, silences }
  } catch (error) {
    const { status } = /** @type {import('./api.js').ApiError} */ (error)
    if (status === 404 || status === 501) return undefined
    throw error
  }
}

/**
 * Our own alerts with what is told of them (`told`), and those that others posted as if they were ours.
 * @param {any[]} own
 * @param {Awaited<ReturnType<typeof readNotified>>} notified
 */
export function joinNotified(own, notified) {
  if (!notified) return own
  const told = toldBy(notified)
  const left = new Map(notified.alerts.map((alert) => [labelsKey(alert.labels), alert]))
  const ours = own.map((alert) => {
    // One that is over is told to nobody any more, though another with its labels may fire.
    if (alert.state === 'resolved') return alert
    const key = labelsKey(alert.labels)
    const found = left.get(key)
    left.delete(key)
    return found ? { ...alert, told: told(found) } : alert
  })
  return [...ours, ...[...left.values()].map((alert) => ({ ...viewOf(alert), told: told(alert) }))]
}

function toldBy(/** @type {{ alerts: any[], silences: any[] }} */ { alerts, silences }) {
  const silence = new Map(silences.map((one) => [one.id, one]))
  const labels = new Map(alerts.map((one) => [one.fingerprint, one.labels]))
  return (/** @type {any} */ { status, receivers }) => ({
    receivers: receivers.map((/** @type {any} */ { name }) => name),
    muted: status.state === 'suppressed',
    silences: status.silencedBy.flatMap((/** @type {string} */ id) => silence.get(id) ?? []),
    inhibitors: status.inhibitedBy.flatMap((/** @type {string} */ id) => labels.get(id) ?? []),
  })
}

/** As the page shows our own, as far as others tell. */
function viewOf(/** @type {any} */ { fingerprint, labels, annotations, startsAt, generatorURL }) {
  return {
    incident: `posted-${fingerprint}`,
    alert: labels.alertname ?? 'an alert without a name',
    service: labels.service,
    state: 'firing',
    since: Date.parse(startsAt),
    isPosted: true,
    labels,
    annotations,
    link: generatorURL,
  }
}
