/** Tests of the ways by which people are told: on demand, and as a drill from time to time. */
import type { Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { ReceiverTrial } from '../pipeline/notification-desk.ts'
import type { Channel, Delivery, Message } from './channels/channel.ts'
import type { GroupNews } from './stages/flush.ts'
import { fingerprint } from './stages/labels.ts'
import type { Integration } from './stages/receivers.ts'

export interface TrialsOptions {
  receivers: ReadonlyMap<string, readonly Integration[]>
  /** Ways that no receiver has; a test knows each by its name. */
  direct: readonly Channel[]
  channelOf: (receiver: string, integration: Integration) => Channel
  render: (news: GroupNews) => Promise<Message>
  clock: Clock
}

/** One way to tell a receiver. */
interface Way {
  receiver: string
  type: string
  channel: Channel
  tellsEnd: boolean
}

const usual = 'This is a test of Mesoscope: nothing is wrong, and nothing is to be done.'

export function openTrials(options: TrialsOptions) {
  const { receivers, direct, channelOf, render, clock } = options

  function waysOf(receiver: string | undefined): Way[] {
    const routed = [...receivers].flatMap(([name, integrations]) =>
      integrations.map((integration): Way => {
        const { type, sendResolved: tellsEnd } = integration
        return { receiver: name, type, channel: channelOf(name, integration), tellsEnd }
      }),
    )
    const alone = direct.map((channel): Way => {
      const { name } = channel
      return { receiver: name, type: name, channel, tellsEnd: true }
    })
    return [...routed, ...alone].filter(
      (way) => receiver === undefined || way.receiver === receiver,
    )
  }

  async function tell(way: Way, id: string, summary: string): Promise<Delivery[]> {
    const message = (status: 'firing' | 'resolved') =>
      render(trialNotification(way, { id, status, now: clock.now(), summary }))
    const { channel, tellsEnd } = way
    const deliveries = await channel.send(await message('firing'), channel.targets)
    const targets = deliveries.flatMap(({ outcome, target }) =>
      outcome === 'accepted' ? [target] : [],
    )
    // Whoever was told that it begins is told that it is over.
    if (tellsEnd && targets.length > 0) await channel.send(await message('resolved'), targets)
    return deliveries
  }

  async function tryWay(way: Way, id: string): Promise<ReceiverTrial[]> {
    const { receiver, type, channel } = way
    try {
      const deliveries = await tell(way, id, usual)
      return deliveries.map(({ target, outcome, detail }) => ({
        receiver,
        type,
        target,
        outcome,
        detail,
      }))
    } catch (error) {
      const detail = explain(error)
      return channel.targets.map((target) => ({
        receiver,
        type,
        target,
        outcome: 'failed',
        detail,
      }))
    }
  }

  return {
    /** Of one receiver, or all; none where there is no such receiver. Never rejects. */
    async run(id: string, receiver?: string): Promise<ReceiverTrial[]> {
      return (await Promise.all(waysOf(receiver).map((way) => tryWay(way, id)))).flat()
    },
    /** That a drill has failed is told on all ways that work. */
    async tellOthers(id: string, results: readonly ReceiverTrial[], words: string): Promise<void> {
      const ill = new Set(
        results
          .filter(({ outcome }) => outcome !== 'accepted')
          .map(({ receiver, type }) => `${receiver} ${type}`),
      )
      const others = waysOf(undefined).filter(
        ({ receiver, type }) => !ill.has(`${receiver} ${type}`),
      )
      await Promise.allSettled(others.map((way) => tell(way, `${id}-told`, words)))
    },
  }
}

/** What did not work, in a sentence; undefined where all did. */
export function failedWords(results: readonly ReceiverTrial[]): string | undefined {
  const failed = results.filter(({ outcome }) => outcome !== 'accepted')
  const [first] = failed
  if (!first) return undefined
  const { receiver, type, target, detail } = first
  const more = failed.length > 1 ? `, and ${failed.length - 1} more` : ''
  return `a drill did not reach ${receiver} by ${type} (${target}: ${detail})${more}: correct its settings, then mesoscope notify test ${receiver}`
}

/** `id`: the same for a beginning and its end, another for each test. */
function trialNotification(
  { receiver }: Way,
  {
    id,
    status,
    now,
    summary,
  }: { id: string; status: 'firing' | 'resolved'; now: number; summary: string },
): GroupNews {
  const labels = { alertname: 'NotificationTest', receiver, severity: 'none' }
  return {
    id: `test ${id}`,
    receiver,
    groupKey: `{}:{alertname="NotificationTest",test="${id}"}`,
    groupLabels: { alertname: 'NotificationTest' },
    routeLabels: {},
    status,
    alerts: [
      {
        fingerprint: fingerprint(labels),
        labels,
        annotations: { summary },
        startsAt: now,
        endsAt: now,
        generatorURL: '',
        updatedAt: now,
        timeout: false,
        status,
      },
    ],
    reason: status === 'firing' ? 'first notification' : 'all alerts resolved',
  }
}
