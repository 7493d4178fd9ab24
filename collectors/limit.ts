import type { Clock } from '../pipeline/clock.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { ownLabel } from '../pipeline/own-label.ts'
import type { LogHead, LogRecord } from '../pipeline/record.ts'
import { openDropLedger } from './drop-ledger.ts'
import type { CollectedRecord, Sink } from './sink.ts'

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
}

const rememberMs = 60_000

/**
 * A service that writes more lines than it may loses what is beyond, by whole records; all others are not held up by it. What is
 * suppressed, and what a sample left out, is a change in the same batch as the read position behind it: a kill between them cannot
 * hide it.
 */
export function limitLines(
  sink: Sink,
  { lines_per_second: usual, burst }: LimitSettings,
  { clock, metrics }: { clock: Clock; metrics: Metrics },
): LimitedSink {
  const buckets = new Map<string, Bucket>()
  const suppressed = openDropLedger('suppressed', clock.now())
  const leftOut = openDropLedger('left out', clock.now())
  let told: { service: string; linesPerSecond: number; atMs: number } | undefined

  function bucketOf(service: string, identity: Identity): Bucket | undefined {
    const linesPerSecond = ofLabels(identity.labels) ?? usual
    if (linesPerSecond === undefined) return undefined
    const known = buckets.get(service)
    if (known?.linesPerSecond === linesPerSecond) return known
    const tokens = (linesPerSecond * burst) / 1000
    const made = { linesPerSecond, tokens, filledMs: clock.now() }
    buckets.set(service, made)
    return made
  }

  /** Whether the record may pass. */
  function isWithin({ head }: LogRecord, nowMs: number): boolean {
    const service = serviceOf(head)
    const bucket = bucketOf(service, head.identity)
    if (!bucket) return true
    const { linesPerSecond, filledMs } = bucket
    const filled = bucket.tokens + (Math.max(0, nowMs - filledMs) * linesPerSecond) / 1000
    bucket.tokens = Math.min((linesPerSecond * burst) / 1000, filled)
    bucket.filledMs = nowMs
    if (bucket.tokens > 0) {
      // The last one may stand out: else a bucket smaller than a record would let none pass.
      bucket.tokens -= head.count
      return true
    }
    const { count, time } = head
    suppressed.add({ service, count, time }, `it may write ${linesPerSecond} a second`, nowMs)
    told = { service, linesPerSecond, atMs: nowMs }
    metrics.dropped_lines_total.inc({ stage: 'collect', cause: 'limit' }, count)
    return false
  }

  function noteSample({ head, leftOut: sample }: CollectedRecord, nowMs: number): void {
    if (!sample) return
    leftOut.add(
      { service: serviceOf(head), ...sample },
      'its label mesoscope.sample asks for a share of its lines',
      nowMs,
    )
    metrics.dropped_lines_total.inc({ stage: 'collect', cause: 'sample' }, sample.count)
  }

  return {
    position: sink.position,
    positions: sink.positions,
    append(batch) {
      const nowMs = clock.now()
      const { records = [], changes = [] } = batch
      const kept = records.filter((record) => {
        noteSample(record, nowMs)
        return isWithin(record, nowMs)
      })
      const drops = [...suppressed.take(nowMs), ...leftOut.take(nowMs)]
      if (drops.length === 0) return sink.append(batch)
      return sink.append({ ...batch, records: kept, changes: [...changes, ...drops] })
    },
    trouble() {
      if (!told || clock.now() - told.atMs > rememberMs) return undefined
      const { service, linesPerSecond } = told
      return `${service} writes more than ${linesPerSecond} lines a second: what is beyond is suppressed, see mesoscope gaps`
    },
  }
}

const serviceOf = ({ identity, source }: LogHead) => identity.service ?? source

function ofLabels(labels: Identity['labels']): number | undefined {
  const text = ownLabel(labels, 'lines_per_second')
  const number = Number(text)
  return text !== undefined && Number.isFinite(number) && number > 0 ? number : undefined
}
