import type { Message } from 'kafkajs'
import type { ProducedRecord } from './bus.ts'

/** One request holds about so much, unless a single call has more in one partition: brokers take 1 MiB unless told otherwise. */
export const targetBytes = 900_000
const perRecordBytes = 70

/** What is too much for one request is several, in order. */
export function pieces(records: readonly ProducedRecord[]): ProducedRecord[][] {
  const cut: ProducedRecord[][] = []
  let bytes = Infinity
  for (const record of records) {
    bytes += sizeOf(record)
    if (bytes > targetBytes) {
      cut.push([])
      bytes = sizeOf(record)
    }
    cut.at(-1)?.push(record)
  }
  return cut
}

/** At most so much of a request, bytes. */
export function sizeOf({ key, value, headers = {} }: ProducedRecord): number {
  let bytes = perRecordBytes + value.length + 3 * key.length
  for (const [name, text] of Object.entries(headers)) bytes += 3 * (name.length + text.length) + 10
  return bytes
}

/** An empty value deletes a key of a compacted topic: Kafka wants null for that. */
export function toMessage({ key, value, headers }: ProducedRecord, isCompacted: boolean): Message {
  return {
    key,
    value: isCompacted && value.length === 0 ? null : asBuffer(value),
    ...(headers ? { headers } : {}),
  }
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
