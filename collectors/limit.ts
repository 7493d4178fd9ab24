import type { Clock } from '../pipeline/clock.ts'
import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { LogHead, LogRecord } from '../pipeline/record.ts'
import type { Sink } from './sink.ts'

export interface LimitSettings {
  /** Of each service; undefined: as many as come. A label of the service counts more. */
  lines_per_second?: number | undefined
  /** For how long a service may write more, having written nothing before, ms. */
  burst: number
}

export interface LimitedSink extends Sink {
  /** Which service writes more than it may, for a minute after it did. */
  trouble(): string | undefined
}

interface Bucket {
  linesPerSecond: number
  tokens: number
  filledMs: number
  suppressed: Suppressed | undefined
}

/** Of one window: told under one id, again and again, with what it has become. */
interface Suppressed {
  windowMs: number
  count: number
  from: string
  to: string
}

const windowMs = 10_000
const rememberMs = 60_000
const label = 'mesoscope.lines_per_second'

/**
 * A service that writes more lines than it may loses what is beyond, by whole records; all others are not held up by it. What is
 * suppressed is a change in the same batch as the read position behind it: a kill between them cannot hide it.
 */
export function limitLines(
  sink: Sink,
  { lines_per_second: usual, burst }: LimitSettings,
  { clock, metrics }: { clock: Clock; metrics: Metrics },
): LimitedSink {
  const buckets = new Map<string, Bucket>()
  const openedMs = clock.now()
  let told: { service: string; linesPerSecond: number; atMs: number } | undefined

  function bucketOf(service: string, identity: Identity): Bucket | undefined {
    const linesPerSecond = ofLabels(identity.labels) ?? usual
    if (linesPerSecond === undefined) return undefined
    const known = buckets.get(service)
    if (known?.linesPerSecond === linesPerSecond) return known
    const tokens = (linesPerSecond * burst) / 1000
    const made = { linesPerSecond, tokens, filledMs: clock.now(), suppressed: undefined }
    buckets.set(service, made)
    return made
  }

  /** Whether the record may pass. */
  function isWithin({ head }: LogRecord): boolean {
    const service = head.identity.service ?? head.source
    const bucket = bucketOf(service, head.identity)
    if (!bucket) return true
    const nowMs = clock.now()
    const { linesPerSecond, filledMs } = bucket
    const filled = bucket.tokens + (Math.max(0, nowMs - filledMs) * linesPerSecond) / 1000
    bucket.tokens = Math.min((linesPerSecond * burst) / 1000, filled)
    bucket.filledMs = nowMs
    if (bucket.tokens > 0) {
      // The last one may stand out: else a bucket smaller than a record would let none pass.
      bucket.tokens -= head.count
      return true
    }
    note(bucket, head, nowMs)
    told = { service, linesPerSecond, atMs: nowMs }
    metrics.dropped_lines_total.inc({ stage: 'collect', cause: 'limit' }, head.count)
    return false
  }

  function note(bucket: Bucket, { count, time }: LogHead, nowMs: number): void {
    const window = Math.floor(nowMs / windowMs) * windowMs
    const before = bucket.suppressed
    if (before?.windowMs !== window) {
      bucket.suppressed = { windowMs: window, count, from: time[0], to: time[1] }
      return
    }
    before.count += count
    if (time[0] < before.from) before.from = time[0]
    if (time[1] > before.to) before.to = time[1]
  }

  function changeOf(service: string, { linesPerSecond, suppressed }: Bucket): ChangeDoc[] {
    if (!suppressed) return []
    const { windowMs: window, count, from, to } = suppressed
    return [
      {
        '@timestamp': msToIso(window),
        'event.id': `change:suppressed:${service}:${openedMs}:${window}`,
        'event.kind': 'drop',
        'event.action': 'suppressed',
        message: `suppressed ${count} lines of ${service}, from ${from} to ${to}: it may write ${linesPerSecond} a second`,
        'service.name': service,
      },
    ]
  }

  return {
    position: sink.position,
    positions: sink.positions,
    append(batch) {
      const { records = [], changes = [] } = batch
      const dropped = new Set<string>()
      const kept = records.filter((record) => {
        const passes = isWithin(record)
        if (!passes) dropped.add(record.head.identity.service ?? record.head.source)
        return passes
      })
      if (dropped.size === 0) return sink.append(batch)
      const told = [...dropped].flatMap((service) => {
        const bucket = buckets.get(service)
        return bucket ? changeOf(service, bucket) : []
      })
      return sink.append({ ...batch, records: kept, changes: [...changes, ...told] })
    },
    trouble() {
      if (!told || clock.now() - told.atMs > rememberMs) return undefined
      const { service, linesPerSecond } = told
      return `${service} writes more than ${linesPerSecond} lines a second: what is beyond is suppressed, see mesoscope gaps`
    },
  }
}

/** Docker's label, or Marathon's as it stands in the environment of its containers. */
function ofLabels(labels: Identity['labels']): number | undefined {
  const text = labels?.[label] ?? labels?.[label.replace('.', '_')]
  const number = Number(text)
  return text !== undefined && Number.isFinite(number) && number > 0 ? number : undefined
}
