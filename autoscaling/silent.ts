import type { ProducedRecord } from '../pipeline/bus/bus.ts'
import { seenKey, type SeenGroup } from '../pipeline/signals.ts'
import { encode, erase } from './records.ts'

/** Groups that fell silent: they are written down, so that another process counts them as idle and not as unknown. */
export function openSilent(before: readonly SeenGroup[], write: (record: ProducedRecord) => void) {
  const groups = new Map(before.map((group) => [seenKey(group), group]))
  return {
    take({ silent, forgotten }: { silent: SeenGroup[]; forgotten: SeenGroup[] }) {
      for (const group of silent) {
        groups.set(seenKey(group), group)
        write(encode(seenKey(group), group))
      }
      for (const group of forgotten) {
        groups.delete(seenKey(group))
        write(erase(seenKey(group)))
      }
    },
    all: () => [...groups.values()],
  }
}
