import type { Bus, ProducedRecord } from '../pipeline/bus/bus.ts'
import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { ChangeDoc } from '../pipeline/event.ts'
import { killPoint } from '../pipeline/fault.ts'
import { openGate } from '../pipeline/gate.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { ReceiverTrial } from '../pipeline/notification-desk.ts'
import { deliveryDoc } from './changes.ts'
import type { Channel, Delivery, Message } from './channels/channel.ts'
import { openHolding, type HoldingOptions } from './holding.ts'
import {
  encode,
  erase,
  heldKey,
  postedKey,
  requestsKey,
  silenceKey,
  testKey,
  toldKey,
} from './records.ts'
import type { AlertRecords } from './records.ts'
import { decodeRequest, type DeskRequest } from './requests.ts'
import { nextTime, type Schedule } from './rules/cron.ts'
import type { PostedAlert } from './stages/alerts.ts'
import type { StagesConfig } from './stages/config.ts'
import { createDispatcher, type Dispatcher } from './stages/dispatch.ts'
import type { Answer, GroupNews, Notification } from './stages/flush.ts'
import { fingerprint } from './stages/labels.ts'
import type { Integration } from './stages/receivers.ts'
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

const readLimits = { maxBytes: 1 << 20 }
const sendsAtOnce = 4
const closeGraceMs = 5000
/** So often what is over is looked for, ms; an alert from outside is kept for an hour after its end. */
const careMs = 60_000
const keepPostedMs = 3_600_000

/** One way to tell somebody, and what is wrong with it. */
interface Outlet {
  channel: Channel
  gate: ReturnType<typeof openGate>
  problem: { detail: string; since: number; outcome: Delivery['outcome'] } | undefined
}

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
  const outlets = new Map<string, Outlet>()
  const sending = new Set<Promise<void>>()
  /** By the notification: who has it already. */
  const accepted = new Map<string, Set<string>>()
  let busTrouble: string | undefined
  let failure: string | undefined
  let position = records.requests ?? 0
  let nextCare = clock.now() + careMs
  /** External alerts as they were posted, by fingerprint. */
  const posted = new Map(
    believed(records, clock.now()).map((alert) => [fingerprint(alert.labels), alert]),
  )
  const tests = new Map(records.tests.map(({ id, atMs }) => [id, atMs]))
  const trials = openTrials({
    receivers: config.receivers,
    direct: options.direct ?? [],
    channelOf: (receiver, integration) => outletOf(receiver, integration).channel,
    render: options.render,
    clock,
  })
  let nextDrill = options.drill ? (nextTime(options.drill, clock.now()) ?? Infinity) : Infinity
  let drillTrouble: string | undefined
  /** Silences that stand on the bus. */
  const known = new Set(records.silences.map(({ id }) => id))
  // What our own rules say counts, should others say something else of the same alert.
  postAll([...posted.values(), ...options.own])

  function postAll(alerts: readonly PostedAlert[]): void {
    for (const { index, sentence } of dispatcher.post(alerts, clock.now())) {
      log.error({ labels: alerts[index]?.labels, sentence }, 'nobody can be told of an alert')
    }
  }

  async function work() {
    while (!stop.signal.aborted) {
      await patiently(takeRequests)
      await patiently(lookForHolds)
      for (const notification of dispatcher.advance(clock.now())) {
        begin(deliver(notification))
      }
      runDrill(clock.now())
      metrics.notifications_sending.set(sending.size)
      await write([...toldRecords(), ...forgotten(clock.now())])
      await pause(pollMs, stop.signal)
    }
  }

  function begin(work: Promise<void>): void {
    const sent = work
      .catch((error: unknown) => log.error({ error }, 'something was not told'))
      .finally(() => sending.delete(sent))
    sending.add(sent)
  }

  /** What became of it stands on the bus, for whoever has asked. */
  async function testAll(id: string, receiver?: string): Promise<ReceiverTrial[]> {
    const results = await trials.run(id, receiver)
    tests.set(id, clock.now())
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

  async function takeRequests(): Promise<void> {
    for (;;) {
      const batch = await bus.read('requests', 0, position, readLimits)
      if (batch.from > position && position > 0) {
        log.warn({ from: position, to: batch.from }, 'requests were trimmed before they were taken')
      }
      const written = batch.records.flatMap((record) => {
        try {
          return take(decodeRequest(record.value))
        } catch (error) {
          log.warn({ offset: record.offset, reason: explain(error) }, 'a request was refused')
          return []
        }
      })
      position = batch.next
      if (batch.records.length === 0) return
      // They are taken already: that is tried again by itself, or what came of them would be lost.
      await write([...written, encode(requestsKey, { position, atMs: clock.now() })])
      if (stop.signal.aborted) return
    }
  }

  async function lookForHolds(): Promise<void> {
    const posts = (await holding?.advance()) ?? []
    postAll(posts)
    const state = holding?.takeState()
    if (state) await write([encode(heldKey, state)])
  }

  /** Gives what is to be written down of it. Throws where it is refused. */
  function take(request: DeskRequest): ProducedRecord[] {
    const now = clock.now()
    if (request.kind === 'post') return takeAlerts(request.alerts, now)
    if (request.kind === 'test') {
      begin(testAll(request.id, request.receiver).then(() => {}))
      return []
    }
    const { silences } = dispatcher
    const before = new Map(silences.list().map((silence) => [silence.id, silence]))
    if (request.kind === 'expire') silences.expire(request.id, now)
    else silences.set(request.silence, now, request.id)
    return silences
      .list()
      .filter((silence) => before.get(silence.id) !== silence)
      .map((silence) => encode(silenceKey(silence.id), silence))
  }

  function takeAlerts(alerts: readonly PostedAlert[], now: number): ProducedRecord[] {
    const refused = new Set(dispatcher.post(alerts, now).map(({ index }) => index))
    return alerts
      .filter((_, index) => !refused.has(index))
      .map((alert) => {
        const key = fingerprint(alert.labels)
        // One that says no end is believed for as long as it was posted for, counted from then.
        const endsAt = alert.endsAt ?? now + config.resolveTimeout
        const kept = { ...alert, startsAt: alert.startsAt ?? Math.min(now, endsAt), endsAt }
        posted.set(key, kept)
        return encode(postedKey(key), kept)
      })
  }

  function toldRecords(): ProducedRecord[] {
    return dispatcher
      .takeTold()
      .map(([key, entry]) => (entry ? encode(toldKey(key), { key, entry }) : erase(toldKey(key))))
  }

  /** What need not stand on the bus any more, and that somebody was there. */
  function forgotten(now: number): ProducedRecord[] {
    if (now < nextCare) return []
    nextCare = now + careMs
    for (const id of accepted.keys()) if (!dispatcher.awaits(id)) accepted.delete(id)
    const gone = [encode(requestsKey, { position, atMs: now })]
    for (const [key, { endsAt = now }] of posted) {
      if (endsAt + keepPostedMs > now) continue
      posted.delete(key)
      gone.push(erase(postedKey(key)))
    }
    const silences = new Set(dispatcher.silences.list().map(({ id }) => id))
    for (const id of known) {
      if (silences.has(id)) continue
      known.delete(id)
      gone.push(erase(silenceKey(id)))
    }
    for (const id of silences) known.add(id)
    for (const [id, atMs] of tests) {
      if (atMs + keepPostedMs > now) continue
      tests.delete(id)
      gone.push(erase(testKey(id)))
    }
    return gone
  }

  async function deliver(notification: Notification): Promise<void> {
    const { id, receiver, integration } = notification
    const outlet = outletOf(receiver, integration)
    const open = outlet.channel.targets.filter((target) => !accepted.get(id)?.has(target))
    const deliveries = await outlet.gate(() => send(outlet, notification, open))
    if (!deliveries) return
    note(outlet, notification, deliveries)
    const answer = answerOf(deliveries, accepted.has(id))
    dispatcher.answer(id, answer, clock.now())
    if (!dispatcher.awaits(id)) accepted.delete(id)
    const told = deliveries.filter(({ outcome }) => outcome !== 'failed')
    await write(toldRecords())
    if (told.length === 0) return
    await patiently(() =>
      options.publish(told.map((one) => deliveryDoc(notification, one, clock.now()))),
    )
  }

  /** Undefined where it is not sent: it has waited for its turn for so long that it is told anew, or this is the end. */
  async function send(outlet: Outlet, notification: Notification, targets: readonly string[]) {
    if (stop.signal.aborted || !dispatcher.awaits(notification.id)) return undefined
    try {
      const message = await options.render(notification)
      killPoint('notify:before-send')
      const deliveries = await outlet.channel.send(message, targets)
      killPoint('notify:after-send')
      return deliveries
    } catch (error) {
      const detail = explain(error)
      return targets.map((target): Delivery => ({
        target,
        outcome: 'failed',
        detail,
        answered: false,
      }))
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

  function outletOf(receiver: string, integration: Integration): Outlet {
    const key = JSON.stringify([receiver, integration.type, integration.index])
    const known = outlets.get(key)
    if (known) return known
    const channel = options.open(receiver, integration)
    const made: Outlet = { channel, gate: openGate(sendsAtOnce), problem: undefined }
    outlets.set(key, made)
    return made
  }

  async function write(changes: readonly ProducedRecord[]): Promise<void> {
    if (changes.length > 0) await patiently(() => bus.produce('alerts', [...changes]))
  }

  /** Tries until it succeeds, or is closed. */
  async function patiently(action: () => Promise<void>): Promise<void> {
    for (let attempt = 0; !stop.signal.aborted || attempt === 0; attempt++) {
      try {
        await action()
        busTrouble = undefined
        return
      } catch (error) {
        busTrouble = `what was notified cannot be written down: ${explain(error)}`
        log.warn({ error: explain(error), attempt }, 'notifying waits for the bus')
        await pause(Math.min(100 * 2 ** attempt, 10_000), stop.signal)
      }
    }
  }

  const working = work().catch((error: unknown) => {
    failure = `nobody is told of alerts any more: ${explain(error)}`
    log.error({ error }, 'dispatching has stopped')
  })

  return {
    post: (alert) => postAll([alert]),
    mutedBy: (labels) =>
      holding?.heldBy(labels, clock.now()) ?? mutedBy(dispatcher, labels, clock.now()),
    trouble: () => failure ?? outletTrouble([...outlets.values()]) ?? drillTrouble ?? busTrouble,
    async close() {
      stop.abort()
      await working
      const ended = new AbortController()
      await Promise.race([Promise.allSettled(sending), pause(closeGraceMs, ended.signal)])
      ended.abort()
      for (const { channel } of outlets.values()) channel.close()
      await Promise.allSettled(sending)
    },
  }
}

/** Shorter than this no process was away: whoever posts alerts does so each minute or so, ms. */
const awayMs = 2 * careMs

/** While nobody was there no alert could be posted again: that does not make one resolved. */
function believed({ posted, attendedMs }: DispatchingOptions['records'], now: number) {
  const away = attendedMs === undefined ? 0 : now - attendedMs
  if (attendedMs === undefined || away < awayMs) return posted
  return posted.map((alert) => {
    const { endsAt = attendedMs } = alert
    return endsAt <= attendedMs ? alert : { ...alert, endsAt: endsAt + away }
  })
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

/**
 * Where one target refuses and another accepts it is told: as long as nothing is written down, those who have it would be told
 * again and again, and never of the end.
 */
function answerOf(deliveries: readonly Delivery[], isAccepted: boolean): Answer {
  if (deliveries.some(({ outcome }) => outcome === 'failed')) return isAccepted ? 'partly' : 'retry'
  return isAccepted || deliveries.length === 0 ? 'sent' : 'failed'
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
