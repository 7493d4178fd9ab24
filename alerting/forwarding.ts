import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { groupOnly, type Channel, type Delivery } from './channels/channel.ts'
import type { GroupAlert, GroupNotification } from './channels/group.ts'
import { ownAlert } from './own-alerts.ts'
import type { OwnedState } from './records.ts'
import { sendingOf } from './rules/sending.ts'
import { fingerprint } from './stages/labels.ts'

export interface ForwardingOptions {
  /** Each leads to an Alertmanager. */
  channels: readonly Channel[]
  states: () => readonly OwnedState[]
  /** Distance of evaluations, ms. */
  intervalMs: number
  publicUrl: () => string | undefined
  clock: Clock
  metrics: Metrics
  log: Logger
  pollMs?: number
}

/**
 * Hands the alerts of our own rules to Alertmanagers, as Prometheus does: at once when one fires or is over, and again each
 * minute, since an Alertmanager forgets what it does not hear of. Each is told by itself; what one did not take it is given
 * again.
 */
export function openForwarding(options: ForwardingOptions) {
  const { channels, states, clock, metrics, log, pollMs = 1000 } = options
  const stop = new AbortController()
  const troubles = new Map<Channel, string>()

  async function forward(channel: Channel): Promise<void> {
    /** By incident: when it was taken last. */
    const sent = new Map<string, number>()
    while (!stop.signal.aborted) {
      await round(channel, sent).catch((error: unknown) => {
        troubles.set(channel, explain(error))
      })
      await pause(pollMs, stop.signal)
    }
  }

  async function round(channel: Channel, sent: Map<string, number>): Promise<void> {
    const now = clock.now()
    const keyOf = ({ alert }: OwnedState) => `${alert.fingerprint} ${alert.activeAt}`
    const all = states()
    const due = all.flatMap((state) => dueOf(state, sent.get(keyOf(state)), now))
    if (due.length === 0) return
    const [delivery] = await channel.send(messageOf(due.map(({ alert }) => alert)), channel.targets)
    note(channel, delivery)
    if (delivery?.outcome !== 'accepted') return
    for (const { state } of due) sent.set(keyOf(state), now)
    const known = new Set(all.map(keyOf))
    for (const key of sent.keys()) if (!known.has(key)) sent.delete(key)
  }

  function dueOf(state: OwnedState, sentAt: number | undefined, now: number) {
    const { firedAt } = state.alert
    const sending = sendingOf(state.alert, sentAt, now, options)
    if (!sending || firedAt === undefined) return []
    const { labels, annotations = {}, generatorURL = '' } = ownAlert(state, options.publicUrl())
    const alert: GroupAlert = {
      status: sending.resolved ? 'resolved' : 'firing',
      labels,
      annotations,
      startsAt: sending.startsAt,
      endsAt: sending.endsAt,
      generatorURL,
      fingerprint: fingerprint(labels),
    }
    return [{ state, alert }]
  }

  function note(channel: Channel, delivery: Delivery | undefined): void {
    const { outcome = 'failed', detail = '' } = delivery ?? {}
    metrics.notifications_total.inc({ channel: 'alertmanager', outcome })
    if (outcome === 'accepted') {
      if (troubles.delete(channel)) log.info({ address: channel.address }, 'alerts are taken again')
      return
    }
    if (!troubles.has(channel))
      log.warn({ address: channel.address, detail }, 'alerts are not taken')
    troubles.set(channel, detail)
  }

  const working = channels.map(forward)
  return {
    trouble(): string | undefined {
      const [first] = troubles
      if (!first) return undefined
      const [{ address }, detail] = first
      return `the Alertmanager ${address} does not take alerts (${detail}): see whether it runs; tried again each second`
    },
    async close(): Promise<void> {
      stop.abort()
      for (const channel of channels) channel.close()
      await Promise.all(working)
    },
  }
}

function messageOf(alerts: readonly GroupAlert[]) {
  const group: GroupNotification = {
    receiver: 'alertmanager',
    status: 'firing',
    reason: '',
    groupKey: '',
    groupLabels: {},
    routeLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: '',
    alerts,
    truncatedAlerts: 0,
  }
  return groupOnly(group)
}
