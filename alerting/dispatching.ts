import type { Bus, ProducedRecord } from '../pipeline/bus/bus.ts'
import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { ChangeDoc } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { ReceiverTrial } from '../pipeline/notification-desk.ts'
import { openPatience } from '../pipeline/patience.ts'
import { deliveryDoc } from './changes.ts'
import type { Channel, Message } from './channels/channel.ts'
import { openHolding, type HoldingOptions } from './holding.ts'
import { openReceiverChannels } from './receiver-channels.ts'
import { encode, erase, heldKey, testKey, toldKey, type AlertRecords } from './records.ts'
import { nextTime, type Schedule } from './rules/cron.ts'
import type { PostedAlert } from './stages/alerts.ts'
import type { StagesConfig } from './stages/config.ts'
import { createDispatcher, type Dispatcher } from './stages/dispatch.ts'
import type { GroupNews, Notification } from './stages/flush.ts'
import type { Integration } from './stages/receivers.ts'
import { believed, openTaking } from './taking.ts'
import { failedWords, openTrials } from './trial.ts'

export interface DispatchingOptions {
  bus: Bus
  config: StagesConfig
  /** What an earlier process left. */
  records: Pick<
    AlertRecords,
    'silences' | 'told' | 'posted' | 'tests' | 'held' | 'requests' | 'attendedMs'
  >
  /** The alerts of our own rules, those too that are resolved since a short while. */
  own: readonly PostedAlert[]
  /** A way to tell somebody; opened once for each. */
  open: (receiver: string, integration: Integration) => Channel
  /** Deployments and lost agents hold alerts back; without it nothing does. */
  held?: Pick<HoldingOptions, 'services' | 'marathons'>
  /** Ways that no receiver has: each incident is told by itself. */
  direct?: readonly Channel[]
  /** A test of receivers at these times; the failure of one is told on the others. */
  drill?: Schedule
  /** What is to be said; asked before each attempt, so that it is said as it is then. */
  render: (news: GroupNews) => Promise<Message>
  /** Puts documents on the timeline; rejects if it cannot. */
  publish: (docs: ChangeDoc[]) => Promise<void>
  clock: Clock
  metrics: Metrics
  log: Logger
  pollMs?: number
}

export interface Dispatching {
  /** An alert of our own rules that fires, or is over. Returns at once. */
  post(alert: PostedAlert): void
  /** Why nobody is to be told of an alert with these labels now; undefined: they are. */
  mutedBy(labels: Readonly<Record<string, string>>): string | undefined
  trouble(): string | undefined
  /** Lets what is on its way end (a few seconds). */
  close(): Promise<void>
}

const closeGraceMs = 5000

/**
 * Tells of alerts as Alertmanager does: takes those of our own rules, those that come from outside, and silences; lets the
 * dispatcher decide; sends, and writes down what was told only after it was accepted. So after a kill the same may be
 * sent again, under the same ids, and nothing is forgotten. A receiver that is slow holds up no other.
 */
export function openDispatching(options: DispatchingOptions): Dispatching {
  const { bus, clock, metrics, log, records, config, pollMs = 50 } = options
  const stop = new AbortController()
  const holding =
    options.held && openHolding({ ...options, ...options.held, restored: records.held })
  const hooks = holding ? { held: holding.heldBy } : {}
  const dispatcher = createDispatcher(config, clock.now(), restoredState(options), hooks)
  const sending = new Set<Promise<unknown>>()
  const { untilDone, trouble: busTrouble } = openPatience({
    waiting: 'notifying waits for the bus',
    trouble: 'what was notified cannot be written down',
    log,
    signal: stop.signal,
  })
  const channels = openReceiverChannels({
    ...options,
    awaits: (id) => !stop.signal.aborted && dispatcher.awaits(id),
  })
  let failure: string | undefined
  const trials = openTrials({
    receivers: config.receivers,
    direct: options.direct ?? [],
    channelOf: channels.channelOf,
    render: options.render,
    clock,
  })
  let nextDrill = options.drill ? (nextTime(options.drill, clock.now()) ?? Infinity) : Infinity
  let drillTrouble: string | undefined
  const posted = believed(records, clock.now())
  const taking = openTaking({
    bus,
    silences: dispatcher.silences,
    records,
    posted,
    resolveTimeout: config.resolveTimeout,
    post: postAll,
    test: (id, receiver) => begin(testAll(id, receiver)),
    write,
    clock,
    log,
    signal: stop.signal,
  })
  // What our own rules say counts, should others say something else of the same alert.
  postAll([...posted, ...options.own])

  /** Gives the indices of those that nobody can be told of. */
  function postAll(alerts: readonly PostedAlert[]): Set<number> {
    const refused = dispatcher.post(alerts, clock.now())
    for (const { index, sentence } of refused) {
      log.error({ labels: alerts[index]?.labels, sentence }, 'nobody can be told of an alert')
    }
    return new Set(refused.map(({ index }) => index))
  }

  async function work() {
    while (!stop.signal.aborted) {
      await untilDone(taking.take)
      await untilDone(lookForHolds)
      for (const notification of dispatcher.advance(clock.now())) {
        begin(deliver(notification))
      }
      runDrill(clock.now())
      metrics.notifications_sending.set(sending.size)
      await write([...toldRecords(), ...(care(clock.now()) ?? [])])
      await pause(pollMs, stop.signal)
    }
  }

  function begin(work: Promise<unknown>): void {
    const sent = work
      .catch((error: unknown) => log.error({ error }, 'something was not told'))
      .finally(() => sending.delete(sent))
    sending.add(sent)
  }

  /** What became of it stands on the bus, for whoever has asked. */
  async function testAll(id: string, receiver?: string): Promise<ReceiverTrial[]> {
    const results = await trials.run(id, receiver)
    taking.tested(id)
    await write([encode(testKey(id), { id, atMs: clock.now(), results })])
    return results
  }

  function runDrill(now: number): void {
    if (!options.drill || now < nextDrill) return
    nextDrill = nextTime(options.drill, now) ?? Infinity
    begin(drill(`drill-${now}`))
  }

  async function drill(id: string): Promise<void> {
    const results = await testAll(id)
    drillTrouble = failedWords(results)
    if (drillTrouble === undefined) return
    log.error({ drillTrouble }, 'a drill found a receiver that is not reached')
    await trials.tellOthers(id, results, drillTrouble)
  }

  async function lookForHolds(): Promise<void> {
    const posts = (await holding?.advance()) ?? []
    postAll(posts)
    const state = holding?.takeState()
    if (state) await write([encode(heldKey, state)])
  }

  function toldRecords(): ProducedRecord[] {
    return dispatcher
      .takeTold()
      .map(([key, entry]) => (entry ? encode(toldKey(key), { key, entry }) : erase(toldKey(key))))
  }

  /** What need not stand on the bus any more, from time to time. */
  function care(now: number): ProducedRecord[] | undefined {
    const gone = taking.care(now)
    if (gone) channels.forget()
    return gone
  }

  async function deliver(notification: Notification): Promise<void> {
    const { id } = notification
    const sent = await channels.send(notification)
    if (!sent) return
    dispatcher.answer(id, sent.answer, clock.now())
    channels.forget([id])
    const told = sent.deliveries.filter(({ outcome }) => outcome !== 'failed')
    await write(toldRecords())
    if (told.length === 0) return
    await untilDone(() =>
      options.publish(told.map((one) => deliveryDoc(notification, one, clock.now()))),
    )
  }

  async function write(changes: readonly ProducedRecord[]): Promise<void> {
    if (changes.length > 0) await untilDone(() => bus.produce('alerts', [...changes]))
  }

  const working = work().catch((error: unknown) => {
    failure = `nobody is told of alerts any more: ${explain(error)}`
    log.error({ error }, 'dispatching has stopped')
  })

  return {
    post: (alert) => void postAll([alert]),
    mutedBy: (labels) =>
      holding?.heldBy(labels, clock.now()) ?? mutedBy(dispatcher, labels, clock.now()),
    trouble: () => failure ?? channels.trouble() ?? drillTrouble ?? busTrouble(),
    async close() {
      stop.abort()
      await working
      const ended = new AbortController()
      await Promise.race([Promise.allSettled(sending), pause(closeGraceMs, ended.signal)])
      ended.abort()
      channels.close()
      await Promise.allSettled(sending)
    },
  }
}

/** What stands on the bus of it: silences, and what was told. Groups are made anew of the alerts. */
function restoredState({ records, clock }: DispatchingOptions) {
  const now = clock.now()
  return {
    at: now,
    routes: '',
    alerts: [],
    silences: records.silences,
    groups: [],
    log: records.told,
    // Reminders are told apart by their number, those from before this start too.
    sends: now,
    nextCare: now,
  }
}

function mutedBy(
  dispatcher: Dispatcher,
  labels: Readonly<Record<string, string>>,
  now: number,
): string | undefined {
  const [silence] = dispatcher.silences.mutedBy(labels, now)
  if (silence !== undefined) return `silenced by ${silence}`
  const inhibiting = dispatcher.inhibitedBy(labels, now)
  return inhibiting === undefined ? undefined : 'inhibited by another alert'
}
