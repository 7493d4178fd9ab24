import type { Bus, ProducedRecord } from '../pipeline/bus/bus.ts'
import { pause, type Clock } from '../pipeline/clock.ts'
import type { ChangeDoc } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { openPatience } from '../pipeline/patience.ts'
import { alertChange, stateChange } from './changes.ts'
import type { Channel, Delivery, Message } from './channels/channel.ts'
import { defaultRetry, openOutlet, type Outlet, type Problem, type RetryTimes } from './delivery.ts'
import { gatherEvidence, type EvidenceSources } from './evidence.ts'
import { renderMessage } from './message.ts'
import { encode, erase, notifyKey, type DeliveryRecord, type Notification } from './records.ts'

export interface NotifierOptions extends EvidenceSources {
  bus: Bus
  channels: readonly Channel[]
  /** What an earlier process left on the bus, sent or not. */
  leftovers: readonly Notification[]
  /** Puts documents on the timeline; rejects if it cannot (it is tried again). */
  publish: (docs: ChangeDoc[]) => Promise<void>
  /** Where people reach the page; asked for each message. */
  publicUrl: () => string | undefined
  clock: Clock
  metrics: Metrics
  log: Logger
  retry?: Partial<RetryTimes>
  /** Why nobody is to be told of an alert with these labels now; undefined: they are. */
  mutedBy?: (labels: Readonly<Record<string, string>>) => string | undefined
  /** How long to wait for lines to become searchable, ms; 5 s unless set. */
  patienceMs?: number
}

export interface Notifier {
  /** Takes what the evaluator has put on the bus; returns at once. */
  add(notification: Notification): void
  trouble(): string | undefined
  /** Lets mails under way end (a few seconds); the rest stays on the bus. */
  close(): Promise<void>
}

/** Sent notifications are remembered for a week. */
const rememberMs = 7 * 86_400_000
const closeGraceMs = 5000
/** So often it is looked whether what is muted may be told by now. */
const mutedPollMs = 500

/**
 * Tells people, at least once, each incident under a stable id. What is not accepted is tried again for ever, each
 * notification on its own, so that one that cannot be sent holds up no other. Within an incident the end waits
 * until every target has accepted or refused the beginning.
 */
export function openNotifier(options: NotifierOptions): Notifier {
  const { bus, clock, metrics, log } = options
  const retry = { ...defaultRetry, ...options.retry }
  const outlets = options.channels.map((channel) => openOutlet({ ...options, channel, retry }))
  const stop = new AbortController()
  const settled = new Map<string, Promise<void>>()
  const endings = new Map<string, number>()
  const working = new Set<Promise<void>>()
  /** Incidents that were muted as long as they lasted. */
  const untold = new Set<string>()
  const remembered: { key: string; sentAt: number }[] = []
  const { untilDone, trouble: busTrouble } = openPatience({
    waiting: 'notifying waits for the bus',
    trouble: 'what was notified cannot be written down',
    log,
    signal: stop.signal,
  })

  function add(notification: Notification) {
    const { incident, state, ts } = notification
    if (state === 'resolved') endings.set(incident, ts)
    const before = settled.get(incident)
    const mine = Promise.withResolvers<void>()
    settled.set(incident, mine.promise)
    const work = handle(notification, before, mine.resolve)
      .catch((error: unknown) => log.error({ error, incident }, 'a notification was not handled'))
      .finally(() => {
        mine.resolve()
        working.delete(work)
        metrics.notifications_waiting.set(working.size)
        if (settled.get(incident) === mine.promise) settled.delete(incident)
        if (state === 'resolved') endings.delete(incident)
      })
    working.add(work)
    metrics.notifications_waiting.set(working.size)
  }

  async function handle(
    notification: Notification,
    before: Promise<void> | undefined,
    onSettled: () => void,
  ) {
    const told = untilDone(() => options.publish([stateChange(notification)]))
    await before
    if (stop.signal.aborted) return
    if (await isNeverTold(notification)) {
      onSettled()
      if (stop.signal.aborted || !(await told)) return
    } else if (!(await tell(notification, onSettled)) || !(await told)) return
    notification.sent = true
    notification.sentAt = clock.now()
    if (await save([encode(notifyKey(notification), notification)])) remember(notification)
  }

  /**
   * Waits while it is muted. True where it ends before it may be told, or its beginning never was: nobody needs to know of
   * the end of what they did not hear of. Of what was told the end is told, whatever mutes it then.
   */
  async function isNeverTold(notification: Notification): Promise<boolean> {
    const { incident, state, alert } = notification
    if (state === 'resolved') return untold.delete(incident)
    for (let why = muted(alert.labels); why !== undefined; why = muted(alert.labels)) {
      if (endings.has(incident) || stop.signal.aborted) {
        untold.add(incident)
        notification.muted = why
        return true
      }
      await pause(mutedPollMs, stop.signal)
    }
    return false
  }

  const muted = (labels: Readonly<Record<string, string>>) =>
    outlets.length === 0 ? undefined : options.mutedBy?.(labels)

  /** True when everyone was told. */
  async function tell(notification: Notification, onSettled: () => void): Promise<boolean> {
    const parts = outlets.map((outlet) => ({ outlet, targets: openTargets(notification, outlet) }))
    const open = new Set(parts.flatMap(({ outlet, targets }) => targets.map(nameIn(outlet))))
    // Told again after a restart: the same ids, so the timeline shows them once.
    await recount(notification)
    if (open.size === 0) return true
    const { signal } = stop
    const evidence = await gatherEvidence(notification, { ...options, signal })
    const message = () => messageNow(notification, evidence)
    const done = await Promise.all(
      parts.map(({ outlet, targets }) =>
        outlet.deliver(message, targets, async (delivery, first) => {
          await note(notification, outlet, delivery, first)
          open.delete(nameIn(outlet)(delivery.target))
          if (open.size === 0) onSettled()
        }),
      ),
    )
    return done.every(Boolean)
  }

  function messageNow(notification: Notification, evidence: Parameters<typeof renderMessage>[1]) {
    const endedAt = notification.state === 'firing' ? endings.get(notification.incident) : undefined
    return renderMessage(notification, evidence, {
      publicUrl: options.publicUrl(),
      nowMs: clock.now(),
      ...(endedAt === undefined ? {} : { endedAt }),
    }) satisfies Message
  }

  async function note(
    notification: Notification,
    outlet: Outlet,
    { target, outcome, detail }: Delivery,
    first: boolean,
  ) {
    if (outcome === 'failed') return
    const name = nameIn(outlet)(target)
    const record: DeliveryRecord = { outcome, at: clock.now(), detail }
    notification.deliveries[name] = record
    const { incident, state } = notification
    log.info({ incident, state, target: name, outcome, detail }, 'a notification was answered')
    await save([encode(notifyKey(notification), notification)])
    if (first) await untilDone(() => options.publish([deliveryChange(notification, name, record)]))
  }

  async function recount(notification: Notification) {
    const docs = Object.entries(notification.deliveries).map(([name, record]) =>
      deliveryChange(notification, name, record),
    )
    if (docs.length > 0) await untilDone(() => options.publish(docs))
  }

  function remember({ incident, state, sentAt }: Notification) {
    remembered.push({ key: notifyKey({ incident, state }), sentAt: sentAt ?? clock.now() })
    const old = remembered.filter((one) => one.sentAt < clock.now() - rememberMs)
    if (old.length === 0) return
    remembered.splice(0, remembered.length, ...remembered.filter((one) => !old.includes(one)))
    working.add(save(old.map(({ key }) => erase(key))).then(() => {}))
  }

  function save(records: ProducedRecord[]): Promise<boolean> {
    return untilDone(() => bus.produce('alerts', records))
  }

  // The beginning of an incident before its end.
  const order = options.leftovers.toSorted((a, b) => a.ts - b.ts)
  for (const { incident, state, muted: why } of order) {
    if (state === 'firing' && why !== undefined) untold.add(incident)
  }
  for (const notification of order) {
    if (notification.sent) remember(notification)
    else add(notification)
  }

  return {
    add,
    trouble() {
      const problems = outlets.flatMap((outlet) => outlet.problems())
      return problems.length > 0 ? describe(problems) : busTrouble()
    },
    async close() {
      stop.abort()
      await Promise.all(outlets.map((outlet) => outlet.close(closeGraceMs)))
      await Promise.all(working)
    },
  }
}

const nameIn = (outlet: Outlet) => (target: string) => `${outlet.channel.name} ${target}`

/** Targets that have not accepted yet; what was refused before is tried once more after a start. */
function openTargets(notification: Notification, outlet: Outlet): string[] {
  const accepted = (target: string) =>
    notification.deliveries[nameIn(outlet)(target)]?.outcome === 'accepted'
  return outlet.channel.targets.filter((target) => !accepted(target))
}

function deliveryChange(notification: Notification, name: string, record: DeliveryRecord) {
  const { outcome, at, detail } = record
  const action = outcome === 'accepted' ? 'notified' : 'failed'
  const verb = outcome === 'accepted' ? 'was sent to' : 'was refused by'
  const message = `${notification.facts.alert} (${notification.state}) ${verb} ${name}: ${detail}`
  return alertChange(notification, action, { atMs: at, message, about: name })
}

/** All problems in one sentence, the refusals first: those need a person. */
function describe(problems: readonly Problem[]): string {
  const refused = problems.filter(({ outcome }) => outcome === 'refused')
  const shown = refused[0] ?? problems[0]
  if (!shown) return ''
  const { channel, target, detail } = shown
  const count = refused.length > 0 ? refused.length : problems.length
  const messages = `${count} ${channel.name}${count === 1 ? '' : 's'}`
  if (refused.length > 0) {
    return `${messages} refused by ${channel.address} (for ${target}: ${detail}): correct the settings under ${channel.name}; tried again each hour`
  }
  const since = new Date(Math.min(...problems.map((problem) => problem.since))).toISOString()
  return `${messages} not accepted by ${channel.address} since ${since} (for ${target}: ${detail}): see whether it can be reached; tried again until it succeeds`
}
