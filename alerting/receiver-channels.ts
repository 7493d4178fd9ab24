import type { Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { killPoint } from '../pipeline/fault.ts'
import { openGate } from '../pipeline/gate.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { failedDeliveries, type Channel, type Delivery, type Message } from './channels/channel.ts'
import type { Answer, GroupNews, Notification } from './stages/flush.ts'
import type { Integration } from './stages/receivers.ts'

export interface ReceiverChannelsOptions {
  /** A way to tell somebody; opened once for each. */
  open: (receiver: string, integration: Integration) => Channel
  /** What is to be said; asked before each attempt, so that it is said as it is then. */
  render: (news: GroupNews) => Promise<Message>
  /** Whether it is still to be sent. */
  awaits: (id: string) => boolean
  clock: Clock
  metrics: Metrics
  log: Logger
}

export interface ReceiverChannels {
  channelOf(receiver: string, integration: Integration): Channel
  /**
   * Tells those who have not accepted it yet, a few at once by each way. Undefined where it waited for its turn for so long
   * that nobody awaits it any more. Never rejects for what a channel does.
   */
  send(notification: Notification): Promise<{ answer: Answer; deliveries: Delivery[] } | undefined>
  /** Forgets who accepted what nobody awaits any more, of these notifications or all. */
  forget(ids?: Iterable<string>): void
  trouble(): string | undefined
  close(): void
}

const sendsAtOnce = 4

/** One way to tell somebody, and what is wrong with it. */
interface Outlet {
  channel: Channel
  gate: ReturnType<typeof openGate>
  problem: { detail: string; since: number; outcome: Delivery['outcome'] } | undefined
}

/** The ways of all receivers. One that is slow holds up no other. */
export function openReceiverChannels(options: ReceiverChannelsOptions): ReceiverChannels {
  const { clock, metrics, log } = options
  const outlets = new Map<string, Outlet>()
  /** By the notification: who has it already. */
  const accepted = new Map<string, Set<string>>()

  function outletOf(receiver: string, integration: Integration): Outlet {
    const key = JSON.stringify([receiver, integration.type, integration.index])
    const known = outlets.get(key)
    if (known) return known
    const channel = options.open(receiver, integration)
    const made: Outlet = { channel, gate: openGate(sendsAtOnce), problem: undefined }
    outlets.set(key, made)
    return made
  }

  async function attempt(
    { channel }: Outlet,
    notification: Notification,
    targets: readonly string[],
  ): Promise<Delivery[] | undefined> {
    if (!options.awaits(notification.id)) return undefined
    try {
      const message = await options.render(notification)
      killPoint('notify:before-send')
      const deliveries = await channel.send(message, targets)
      killPoint('notify:after-send')
      return deliveries
    } catch (error) {
      return failedDeliveries(targets, explain(error))
    }
  }

  function note(
    outlet: Outlet,
    { id, receiver }: Notification,
    deliveries: readonly Delivery[],
  ): void {
    const { name } = outlet.channel
    for (const { target, outcome, detail } of deliveries) {
      metrics.notifications_total.inc({ channel: name, outcome })
      log.info({ receiver, channel: name, target, outcome, detail }, 'a notification')
      if (outcome !== 'accepted') continue
      const had = accepted.get(id) ?? new Set()
      accepted.set(id, had.add(target))
    }
    const ill = deliveries.find(({ outcome }) => outcome !== 'accepted')
    const since = outlet.problem?.since ?? clock.now()
    outlet.problem = ill && { detail: ill.detail, outcome: ill.outcome, since }
  }

  return {
    channelOf: (receiver, integration) => outletOf(receiver, integration).channel,
    async send(notification) {
      const { id, receiver, integration } = notification
      const outlet = outletOf(receiver, integration)
      const open = outlet.channel.targets.filter((target) => !accepted.get(id)?.has(target))
      const deliveries = await outlet.gate(() => attempt(outlet, notification, open))
      if (!deliveries) return undefined
      note(outlet, notification, deliveries)
      return { answer: answerOf(deliveries, accepted.has(id)), deliveries }
    },
    forget(ids = accepted.keys()) {
      for (const id of ids) if (!options.awaits(id)) accepted.delete(id)
    },
    trouble: () => outletTrouble([...outlets.values()]),
    close() {
      for (const { channel } of outlets.values()) channel.close()
    },
  }
}

/**
 * Where one target refuses and another accepts it is told: as long as nothing is written down, those who have it would be told
 * again and again, and never of the end.
 */
function answerOf(deliveries: readonly Delivery[], isAccepted: boolean): Answer {
  if (deliveries.some(({ outcome }) => outcome === 'failed')) return isAccepted ? 'partly' : 'retry'
  return isAccepted || deliveries.length === 0 ? 'sent' : 'failed'
}

function outletTrouble(outlets: readonly Outlet[]): string | undefined {
  const ill = outlets.flatMap(({ channel, problem }) => (problem ? [{ channel, ...problem }] : []))
  const shown = ill.find(({ outcome }) => outcome === 'refused') ?? ill[0]
  if (!shown) return undefined
  const { channel, detail, since, outcome } = shown
  const verb = outcome === 'refused' ? 'refused by' : 'not accepted by'
  const remedy = outcome === 'refused' ? 'correct its receiver' : 'tried again until it succeeds'
  const at = new Date(since).toISOString()
  return `a notification was ${verb} ${channel.name} (${channel.address}) since ${at} (${detail}): ${remedy}`
}
