import type { Batch, BusRecord } from '../pipeline/bus/bus.ts'
import { isMark, takeMark, type Reach } from './watermark.ts'

interface Reaching extends Reach {
  /** By their first offset the batches under way: the marks of those that are done with, behind one that is not. */
  batches: Map<number, readonly BusRecord[] | undefined>
}

/**
 * How far each partition has come, where batches may be done with in another order than they came: a mark counts when
 * all that came before it is stored.
 */
export function openReached() {
  const reached = new Map<number, Reaching>()

  return {
    /** A batch has come; also one that comes again. */
    begin({ partition, from }: Batch): void {
      const reach = reached.get(partition) ?? {
        collectors: new Map(),
        watermark: undefined,
        batches: new Map(),
      }
      reached.set(partition, reach)
      reach.batches.set(from, undefined)
    },
    done({ partition, from, records }: Batch): void {
      const reach = reached.get(partition)
      if (!reach) return
      reach.batches.set(from, records.filter(isMark))
      for (const [first, marks] of reach.batches) {
        if (!marks) return
        for (const mark of marks) takeMark(reach, mark)
        reach.batches.delete(first)
      }
    },
    forget(partition: number): void {
      reached.delete(partition)
    },
    /** What has passed a partition, ms; undefined before its first mark. */
    of: (partition: number) => reached.get(partition)?.watermark,
    /** Of all partitions that something has come from. */
    all: () => [...reached.values()].map(({ watermark }) => watermark),
  }
}
