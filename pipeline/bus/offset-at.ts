import type { Bus, Topic } from './bus.ts'

/** The first offset of a partition whose record came at `ms` or later; its end where none did. */
export async function offsetAt(
  bus: Pick<Bus, 'ends' | 'read'>,
  { topic, partition }: { topic: Topic; partition: number },
  ms: number,
): Promise<number> {
  const end = (await bus.ends(topic))[partition] ?? 0
  let low = Math.min((await bus.read(topic, partition, 0, { maxBytes: 1 })).from, end)
  let high = end
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [record] = (await bus.read(topic, partition, middle, { maxBytes: 1 })).records
    if (record && record.offset < high && record.time < ms) low = record.offset + 1
    else high = middle
  }
  return low
}
