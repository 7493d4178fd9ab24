import type { Clock } from '../pipeline/clock.ts'
import type { Message } from './channels/channel.ts'
import { gatherEvidence, type EvidenceSources } from './evidence.ts'
import { renderGroup } from './group-message.ts'
import { hasFired, ownNotification } from './own-alerts.ts'
import type { Notification as OwnNotification, OwnedState } from './records.ts'
import { fingerprintOf } from './rules/rule.ts'
import type { Notification } from './stages/flush.ts'

/** What is told, whatever the way. */
export type GroupNews = Omit<Notification, 'id' | 'integration' | 'attempt'>

export interface RenderingOptions extends EvidenceSources {
  /** All alerts of our own rules. */
  states: () => readonly OwnedState[]
  publicUrl: () => string | undefined
  clock: Clock
  patienceMs?: number
}

/** What is said of a group: with all that is known of the first of its alerts that is of our own rules. */
export function openRendering(options: RenderingOptions) {
  const never = new AbortController().signal

  return async (notification: GroupNews): Promise<Message> => {
    const states = new Map(options.states().map((state) => [state.alert.fingerprint, state]))
    const own = new Map<string, OwnNotification>()
    for (const { fingerprint, labels } of notification.alerts) {
      const state = states.get(fingerprintOf(labels))
      if (state && hasFired(state)) own.set(fingerprint, ownNotification(state))
    }
    const first = notification.alerts.find((alert) => own.has(alert.fingerprint))
    const about = first && own.get(first.fingerprint)
    const evidence = about && (await gatherEvidence(about, { ...options, signal: never }))
    return renderGroup(notification, {
      known: (key) => own.get(key),
      evidence,
      publicUrl: options.publicUrl(),
      nowMs: options.clock.now(),
    })
  }
}
