import stringify from 'fast-json-stable-stringify'
import type { Identity } from '../pipeline/identity.ts'
import type { Counted, CountedSignal, openBuckets } from './buckets.ts'
import type { Parked, Partition } from './partition.ts'
import type { KnownIdentities } from './resolve.ts'

interface ParkingOptions {
  buckets: ReturnType<typeof openBuckets>
  catalog: KnownIdentities
  /** How long a count waits for the identity of its lines, by the times of the bus, ms. */
  patienceMs: number
}

/** Of a partition so many identities are waited for at a time; more are counted as they are. */
const maxParked = 10_000
const maxGivenUp = 10_000

/**
 * Counts that wait until it is known whose lines they are: in the partition's state, so that a kill forgets none and
 * doubles none, and so that nothing else waits with them. Each identity is waited for once; what is not known by then
 * counts for all that are unresolved. They are looked at when something comes to the partition: a mark, at the latest.
 */
export function openParking({ buckets, catalog, patienceMs }: ParkingOptions) {
  const givenUp = new Set<string>()

  /** Under which key of the topic `identity` more is to be expected, where that may change the group. */
  function awaited(by: CountedSignal['by'], identity: Identity): string | undefined {
    if (by.every((part) => identity[part] !== undefined)) return undefined
    const key = catalog.lacks(identity)
    return key === undefined || givenUp.has(key) ? undefined : key
  }

  function release(partition: Partition, { identity, time, counts }: Parked): void {
    const complete = catalog.complete(identity, time)
    for (const [signal, , lastMs, count, measured] of counts) {
      buckets.add(partition, { signal, identity: complete, ms: lastMs, count, ...measured })
    }
  }

  const isKnown = ({ identity, time }: Parked) =>
    catalog.lacks(catalog.complete(identity, time)) === undefined

  function releaseKnown(partition: Partition): void {
    const { parked } = partition
    for (const [key, one] of parked) {
      if (!isKnown(one)) continue
      parked.delete(key)
      release(partition, one)
    }
  }

  return {
    /** Whether the count was put aside; then it need not be added to a bucket. `busMs`: when its line came to the bus. */
    park(
      { parked }: Partition,
      { identity, time, busMs }: { identity: Identity; time: string; busMs: number },
      by: CountedSignal['by'],
      { signal, ms, count, ...measured }: Omit<Counted, 'identity'>,
    ): boolean {
      if (awaited(by, identity) === undefined) return false
      const key = stringify(identity)
      const one = parked.get(key) ?? { identity, time, sinceMs: busMs, counts: [] }
      if (parked.size >= maxParked && !parked.has(key)) return false
      parked.set(key, one)
      const from = buckets.startOf(ms)
      if (Object.keys(measured).length > 0) {
        one.counts.push([signal, from, ms, count, measured])
        return true
      }
      const same = one.counts.find((other) => other[0] === signal && other[1] === from)
      if (same) {
        same[2] = Math.max(same[2], ms)
        same[3] += count
      } else one.counts.push([signal, from, ms, count])
      return true
    },
    /** Counts what is known by now, and what was waited for long enough at `busMs`. */
    async settle(partition: Partition, busMs: number): Promise<void> {
      const { parked } = partition
      if (parked.size === 0) return
      const isOver = ({ sinceMs }: Parked) => busMs - sinceMs >= patienceMs
      // Whoever was told of in time must not be given up because this process has not read it yet.
      if (parked.values().some((one) => isOver(one) && !isKnown(one))) await catalog.caughtUp()
      releaseKnown(partition)
      for (const [key, one] of parked) {
        if (!isOver(one)) continue
        const lacking = catalog.lacks(catalog.complete(one.identity, one.time))
        if (givenUp.size > maxGivenUp) givenUp.clear()
        if (lacking !== undefined) givenUp.add(lacking)
        parked.delete(key)
        release(partition, one)
      }
    },
  }
}

export type Parking = ReturnType<typeof openParking>
