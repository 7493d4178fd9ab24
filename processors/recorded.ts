import type { Bus, BusRecord } from '../pipeline/bus/bus.ts'
import { offsetAt } from '../pipeline/bus/offset-at.ts'
import type { SignalBucket } from '../pipeline/event.ts'
import {
  encodeBuckets,
  isWatermark,
  readBuckets,
  readWatermark,
  type SignalRecord,
} from '../pipeline/signal-records.ts'
import type { SignalTopic } from '../pipeline/signals.ts'
import { bucketKey } from './partition.ts'
import type { Remeasurer } from './remeasure.ts'
import { isMark } from './watermark.ts'

/** A stretch of what was recorded, in the order in which it came; `progress`: how much of all is read with it, 0 to 1. */
export interface Recorded {
  records: SignalRecord[]
  progress: number
}

const readLimits = { maxBytes: 2 ** 20 }

/** What was measured, as far as the bus still has it, from what came at `fromMs` on. */
export async function* recordedSignals(bus: Bus, fromMs: number): AsyncGenerator<Recorded> {
  const [end = 0] = await bus.ends('signals')
  const start = await offsetAt(bus, { topic: 'signals', partition: 0 }, fromMs)
  for (let offset = start; offset < end;) {
    const { records, next } = await bus.read('signals', 0, offset, readLimits)
    offset = Math.max(next, offset + 1)
    yield {
      records: records.filter((record) => record.offset < end),
      progress: share(offset - start, end - start),
    }
  }
}

/**
 * What came from `fromMs` on, measured again: the partitions of all topics side by side, in the order in which their
 * records came to the bus; a mark ends a batch.
 */
export async function* measuredAgain(
  bus: Bus,
  remeasurer: Remeasurer,
  fromMs: number,
): AsyncGenerator<Recorded> {
  const places = remeasurer.topics.flatMap((topic) =>
    Array.from({ length: bus.partitions(topic) }, (_, partition) => ({ topic, partition })),
  )
  const streams = await Promise.all(places.map((place) => openStream(bus, place, fromMs)))
  const all = streams.reduce((sum, { left }) => sum + left(), 0)
  for (;;) {
    const [first, second] = (await headsOf(streams)).toSorted((a, b) => a.time - b.time)
    if (!first) return
    const records = await first.stream.takeUntil(second?.time ?? Infinity)
    const { topic, partition } = first.stream.place
    const published = await remeasurer.take(topic, partition, records)
    const left = streams.reduce((sum, stream) => sum + stream.left(), 0)
    yield { records: published, progress: share(all - left, all) }
  }
}

interface Place {
  topic: SignalTopic
  partition: number
}

async function headsOf(streams: readonly Stream[]) {
  const heads: { stream: Stream; time: number }[] = []
  for (const stream of streams) {
    const head = await stream.peek()
    if (head) heads.push({ stream, time: head.time })
  }
  return heads
}

type Stream = Awaited<ReturnType<typeof openStream>>

async function openStream(bus: Bus, place: Place, fromMs: number) {
  const { topic, partition } = place
  const end = (await bus.ends(topic))[partition] ?? 0
  let offset = await offsetAt(bus, place, fromMs)
  let ahead: BusRecord[] = []
  let at = 0

  async function peek(): Promise<BusRecord | undefined> {
    while (at >= ahead.length && offset < end) {
      const batch = await bus.read(topic, partition, offset, readLimits)
      ahead = batch.records.filter((record) => record.offset < end)
      at = 0
      offset = Math.max(batch.next, offset + 1)
    }
    return ahead[at]
  }

  return {
    place,
    peek,
    left: () => Math.max(0, end - offset) + ahead.length - at,
    /** At least one; up to a mark, and no further than what came before another partition's next. */
    async takeUntil(ms: number): Promise<BusRecord[]> {
      const taken: BusRecord[] = []
      for (let record = await peek(); record; record = at < ahead.length ? ahead[at] : undefined) {
        if (taken.length > 0 && record.time > ms) break
        taken.push(record)
        at++
        if (isMark(record)) break
      }
      return taken
    },
  }
}

interface HindsightOptions {
  /** Of these signals alone. */
  isWanted: (signal: string) => boolean
  partitions: (topic: SignalTopic) => number
  topics: readonly SignalTopic[]
}

/** So much event time is given at a time, ms. */
const hindsightStepMs = 60_000

/** The same, as if nothing had come late: the last value of each bucket, in the order of event time. */
export async function* inHindsight(
  recorded: AsyncIterable<Recorded>,
  { isWanted, partitions, topics }: HindsightOptions,
): AsyncGenerator<Recorded> {
  const last = new Map<string, SignalBucket>()
  let through = -Infinity
  for await (const { records, progress } of recorded) {
    for (const record of records) {
      if (isWatermark(record)) {
        through = Math.max(through, readWatermark(record.value, partitions).through)
      } else {
        for (const bucket of readBuckets(record.value)) {
          if (isWanted(bucket.signal)) last.set(`${bucket.partition} ${bucketKey(bucket)}`, bucket)
        }
      }
    }
    yield { records: [], progress: progress / 2 }
  }
  const buckets = [...last.values()].toSorted((a, b) => a.to - b.to)
  const first = buckets[0]?.to
  if (first === undefined) return
  let offset = 0
  let next = 0
  for (
    let ms = first;
    ms <= through;
    ms = Math.min(ms + hindsightStepMs, Math.max(ms + 1, through))
  ) {
    const due: SignalBucket[] = []
    for (let one = buckets[next]; one && one.to <= ms; one = buckets[++next]) due.push(one)
    const marks = topics.flatMap((topic) =>
      Array.from({ length: partitions(topic) }, (_, partition) => ({
        topic,
        partition,
        through: ms,
      })),
    )
    yield {
      records: [
        { offset: offset++, headers: { kind: 'bucket' }, value: encodeBuckets(due) },
        ...marks.map((mark) => ({
          offset: offset++,
          headers: { kind: 'watermark' },
          value: Buffer.from(JSON.stringify(mark)),
        })),
      ],
      progress: 0.5 + share(ms - first, through - first) / 2,
    }
  }
}

function share(part: number, whole: number): number {
  return whole <= 0 ? 1 : Math.min(1, part / whole)
}
