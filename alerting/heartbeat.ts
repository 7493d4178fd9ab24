import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { groupOnly, type Channel } from './channels/channel.ts'
import type { GroupNotification } from './channels/group.ts'

export interface HeartbeatOptions {
  channel: Channel
  everyMs: number
  /** Why nobody could be told of an alert now; undefined while all is well. */
  ill: () => string | undefined
  publicUrl: () => string | undefined
  clock: Clock
}

/**
 * Tells somebody else from time to time that rules are evaluated and people could be told: who does not hear it any more
 * is to raise the alarm. While that is not so it is silent.
 */
export function openHeartbeat({ channel, everyMs, ill, publicUrl, clock }: HeartbeatOptions) {
  const stop = new AbortController()
  let trouble: string | undefined

  async function beat(): Promise<void> {
    const group = groupOf(clock.now(), publicUrl() ?? '')
    const [delivery] = await channel.send(groupOnly(group), channel.targets)
    trouble = delivery?.outcome === 'accepted' ? undefined : (delivery?.detail ?? 'no answer')
  }

  async function work(): Promise<void> {
    while (!stop.signal.aborted) {
      if (ill() === undefined) {
        await beat().catch((error: unknown) => {
          trouble = explain(error)
        })
      }
      await pause(everyMs, stop.signal)
    }
  }

  const working = work()
  return {
    trouble: () =>
      trouble === undefined
        ? undefined
        : `the heartbeat is not taken by ${channel.address} (${trouble}): who watches over us will raise the alarm`,
    async close(): Promise<void> {
      stop.abort()
      channel.close()
      await working
    },
  }
}

function groupOf(now: number, externalURL: string): GroupNotification {
  const labels = { alertname: 'Heartbeat', severity: 'none' }
  const annotations = { summary: 'Mesoscope evaluates its rules and can tell people.' }
  const alert = { labels, annotations, startsAt: now, endsAt: undefined, generatorURL: '' }
  return {
    receiver: 'heartbeat',
    status: 'firing',
    reason: 'repeat interval elapsed',
    groupKey: '{}:{alertname="Heartbeat"}',
    groupLabels: { alertname: 'Heartbeat' },
    routeLabels: {},
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL,
    alerts: [{ ...alert, status: 'firing', fingerprint: '' }],
    truncatedAlerts: 0,
  }
}
