import type { Bus, ProducedRecord } from '../pipeline/bus/bus.ts'
import type { Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import { scalingRequestKey } from '../pipeline/scaling-desk.ts'
import { encode, erase, postedKey, requestsKey, silenceKey, testKey } from './records.ts'
import type { AlertRecords } from './records.ts'
import { decodeRequest, type DeskRequest } from './requests.ts'
import type { PostedAlert } from './stages/alerts.ts'
import type { Dispatcher } from './stages/dispatch.ts'
import { fingerprint } from './stages/labels.ts'

export interface TakingOptions {
  bus: Pick<Bus, 'read'>
  silences: Dispatcher['silences']
  /** What an earlier process left. */
  records: Pick<AlertRecords, 'silences' | 'tests' | 'requests'>
  /** Alerts from outside that an earlier process left, as far as they are believed. */
  posted: readonly PostedAlert[]
  /** Gives the indices of those that are refused. */
  post: (alerts: readonly PostedAlert[]) => ReadonlySet<number>
  /** For so long an alert is believed that says no end, ms. */
  resolveTimeout: number
  /** Begins a test of one receiver, or of all. */
  test: (id: string, receiver?: string) => void
  /** Puts records on the bus, however long that takes. */
  write: (records: readonly ProducedRecord[]) => Promise<void>
  clock: Clock
  log: Logger
  signal: AbortSignal
}

const readLimits = { maxBytes: 1 << 20 }
/** So often what is over is looked for, ms; an alert from outside is kept for an hour after its end. */
export const careMs = 60_000
const keepMs = 3_600_000

/** Takes the requests of other processes and of people, and knows what stands on the bus of them. */
export function openTaking(options: TakingOptions) {
  const { bus, silences, records, clock, log, signal } = options
  let position = records.requests ?? 0
  let nextCare = clock.now() + careMs
  /** Silences that stand on the bus. */
  const known = new Set(records.silences.map(({ id }) => id))
  /** Alerts from outside and tests, by the keys of their records: until when these stand on the bus, ms. */
  const kept = new Map<string, number>()
  for (const { labels, endsAt } of options.posted) keep(postedKey(fingerprint(labels)), endsAt)
  for (const { id, atMs } of records.tests) keep(testKey(id), atMs)

  function keep(key: string, overAt = clock.now()): void {
    kept.set(key, overAt + keepMs)
  }

  async function take(): Promise<void> {
    for (;;) {
      const batch = await bus.read('requests', 0, position, readLimits)
      if (batch.from > position && position > 0) {
        log.warn({ from: position, to: batch.from }, 'requests were trimmed before they were taken')
      }
      const ours = batch.records.filter(({ key }) => key !== scalingRequestKey)
      const written = ours.flatMap((record) => {
        try {
          return takeOne(decodeRequest(record.value))
        } catch (error) {
          log.warn({ offset: record.offset, reason: explain(error) }, 'a request was refused')
          return []
        }
      })
      position = batch.next
      if (batch.records.length === 0) return
      // They are taken already: that is tried again by itself, or what came of them would be lost.
      await options.write([...written, encode(requestsKey, { position, atMs: clock.now() })])
      if (signal.aborted) return
    }
  }

  /** Gives what is to be written down of it. Throws where it is refused. */
  function takeOne(request: DeskRequest): ProducedRecord[] {
    const now = clock.now()
    if (request.kind === 'post') return takeAlerts(request.alerts, now)
    if (request.kind === 'test') {
      options.test(request.id, request.receiver)
      return []
    }
    const before = new Map(silences.list().map((silence) => [silence.id, silence]))
    if (request.kind === 'expire') silences.expire(request.id, now)
    else silences.set(request.silence, now, request.id)
    return silences
      .list()
      .filter((silence) => before.get(silence.id) !== silence)
      .map((silence) => encode(silenceKey(silence.id), silence))
  }

  function takeAlerts(alerts: readonly PostedAlert[], now: number): ProducedRecord[] {
    const refused = options.post(alerts)
    return alerts
      .filter((_, index) => !refused.has(index))
      .map((alert) => {
        const key = postedKey(fingerprint(alert.labels))
        // One that says no end is believed for as long as it was posted for, counted from then.
        const endsAt = alert.endsAt ?? now + options.resolveTimeout
        keep(key, endsAt)
        return encode(key, { ...alert, startsAt: alert.startsAt ?? Math.min(now, endsAt), endsAt })
      })
  }

  return {
    take,
    /** The record of this test stands on the bus from now on. */
    tested: (id: string) => keep(testKey(id)),
    /** From time to time what need not stand on the bus any more, and that somebody was there; else undefined. */
    care(now: number): ProducedRecord[] | undefined {
      if (now < nextCare) return undefined
      nextCare = now + careMs
      const gone = [encode(requestsKey, { position, atMs: now })]
      for (const [key, until] of kept) {
        if (until > now) continue
        kept.delete(key)
        gone.push(erase(key))
      }
      const current = new Set(silences.list().map(({ id }) => id))
      for (const id of known) {
        if (current.has(id)) continue
        known.delete(id)
        gone.push(erase(silenceKey(id)))
      }
      for (const id of current) known.add(id)
      return gone
    },
  }
}

/** Shorter than this no process was away: whoever posts alerts does so each minute or so, ms. */
const awayMs = 2 * careMs

/** The alerts from outside: while nobody was there none could be posted again, which does not make one resolved. */
export function believed(
  { posted, attendedMs }: Pick<AlertRecords, 'posted' | 'attendedMs'>,
  now: number,
): readonly PostedAlert[] {
  const away = attendedMs === undefined ? 0 : now - attendedMs
  if (attendedMs === undefined || away < awayMs) return posted
  return posted.map((alert) => {
    const { endsAt = attendedMs } = alert
    return endsAt <= attendedMs ? alert : { ...alert, endsAt: endsAt + away }
  })
}
