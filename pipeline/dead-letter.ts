import type { ProducedRecord, Topic } from './bus/bus.ts'
import type { DeadLetter, Original } from './event.ts'

/*
 * A dead letter that was refused behind the bus keeps what it was there, so that it can be given back once the cause is
 * mended. Bytes that no collector could make an event of were never on the bus: their letters keep a sample.
 */

/** Each of them is idempotent by the ids of its events; of a compacted one a newer record may have come meanwhile. */
const givenBack = ['logs', 'metrics', 'changes', 'decisions', 'signals'] as const satisfies Topic[]
type GivenBack = (typeof givenBack)[number]

const maxOriginalBytes = 2 ** 20

/** What a letter keeps of a record; nothing where that cannot be given back. */
export function originalOf(
  topic: Topic,
  { key, headers = {}, value }: Omit<ProducedRecord, 'partition'>,
): { original?: Original } {
  if (!isGivenBack(topic) || value.length > maxOriginalBytes) return {}
  return { original: { topic, key, headers, value: Buffer.from(value).toString('base64') } }
}

/** Names the letter on a record that is given back, so that it is the same letter if that is refused again. */
export const letterHeader = 'dead-letter'

/** The record to give back, or why there is none. */
export function recordOf(
  letter: DeadLetter,
): { topic: Topic; record: ProducedRecord } | { reason: string } {
  const { original, bytes } = letter as { original?: Partial<Original>; bytes: number }
  if (original === undefined) {
    return bytes > maxOriginalBytes
      ? { reason: `of its ${bytes} bytes only the first are kept` }
      : { reason: 'it never became a record of the bus: look where it comes from' }
  }
  const { topic, key, headers = {}, value } = original
  const isSound = typeof key === 'string' && typeof value === 'string' && areTexts(headers)
  if (!isGivenBack(topic) || !isSound) return { reason: 'what is kept of it is damaged' }
  const named = { ...headers, [letterHeader]: letter['event.id'] }
  return { topic, record: { key, headers: named, value: Buffer.from(value, 'base64') } }
}

function isGivenBack(topic: unknown): topic is GivenBack {
  return givenBack.some((one) => one === topic)
}

function areTexts(headers: unknown): boolean {
  if (typeof headers !== 'object' || headers === null) return false
  return Object.values(headers).every((value) => typeof value === 'string')
}
