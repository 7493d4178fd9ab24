import type { Batch, Bus, BusRecord, Topic } from '../pipeline/bus/bus.ts'
import { explain } from '../pipeline/errors.ts'
import { letterHeader, originalOf } from '../pipeline/dead-letter.ts'
import { msToIso, type DeadLetter } from '../pipeline/event.ts'

const maxSampleBytes = 4096

/** Reads what can be read of a batch; the rest become dead letters, so that one bad record stops nothing. */
export function readable<T>(
  { topic, partition, records }: Pick<Batch, 'topic' | 'partition' | 'records'>,
  read: (record: BusRecord) => T,
): { read: T[]; dead: DeadLetter[] } {
  const good: T[] = []
  const dead: DeadLetter[] = []
  for (const record of records) {
    try {
      good.push(read(record))
    } catch (error) {
      dead.push(deadRecord(topic, partition, record, explain(error)))
    }
  }
  return { read: good, dead }
}

/** The same each time it is made, so that trying a batch again tells of it once. */
function deadRecord(
  topic: Topic,
  partition: number,
  record: BusRecord,
  reason: string,
): DeadLetter {
  const { offset, time, value, headers } = record
  return {
    '@timestamp': msToIso(time),
    'event.id': headers[letterHeader] ?? `dead:${topic}:${partition}:${offset}`,
    'event.kind': 'dead',
    reason,
    origin: `bus topic ${topic}, partition ${partition}, offset ${offset}`,
    ...sampleOf(value),
    ...originalOf(topic, record),
  }
}

/** The parts of a dead letter that show the bytes. */
export function sampleOf(bytes: Uint8Array): Pick<DeadLetter, 'bytes' | 'sample'> {
  const sample = Buffer.from(bytes.subarray(0, maxSampleBytes)).toString('latin1')
  return { bytes: bytes.length, sample }
}

export async function tellDead(
  bus: Pick<Bus, 'produce'>,
  letters: readonly DeadLetter[],
): Promise<void> {
  if (letters.length === 0) return
  await bus.produce(
    'dead',
    letters.map((letter) => ({ key: letter.origin, value: Buffer.from(JSON.stringify(letter)) })),
  )
}
