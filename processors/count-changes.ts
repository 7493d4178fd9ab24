import { isoToNs } from '../pipeline/event.ts'
import { openLine } from '../pipeline/query.ts'
import type { StoredDoc } from '../pipeline/store/store.ts'
import { openBuckets, type CounterOptions } from './buckets.ts'
import { identified, type Complete } from './documents.ts'
import type { Partition } from './partition.ts'
import { openSignals } from './readings.ts'
import { openSignalIndex } from './signal-index.ts'

/**
 * Returns a function that counts a change into the buckets of a partition. Changes have no sequence: each counts once a
 * signal by its id. One that is written again, with more fields, counts for the signals that did not want it before.
 */
export function openChangeCounter(options: CounterOptions & { complete?: Complete }) {
  const signals = openSignals(options, 'changes')
  const signalsOf = openSignalIndex(signals, (some) => some)
  const buckets = openBuckets(options)

  return function count(partition: Partition, change: StoredDoc): void {
    const { identity, doc } = identified(change, options.complete)
    const ms = Number((isoToNs(doc['@timestamp']) ?? 0n) / 1_000_000n)
    const line = openLine(doc)
    const origin = { partition, source: doc['event.id'], busMs: ms }
    for (const signal of signalsOf(doc).flat()) {
      if (!signal.query.matchesLine(line)) continue
      const key = `${signal.name} ${doc['event.id']}`
      if (partition.counted.has(key)) continue
      const measured = signal.field?.read(line, origin)
      if (signal.field && !measured) continue
      const counted = { signal: signal.name, identity, ms, count: 1, ...measured }
      const from = buckets.add(partition, counted)
      if (from !== undefined) partition.counted.set(key, from)
    }
  }
}
