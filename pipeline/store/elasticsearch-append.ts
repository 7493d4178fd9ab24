import { explain } from '../errors.ts'
import { killPoint } from '../fault.ts'
import type { LogRecord } from '../record.ts'
import type { Bulk, BulkRequest, Outcome } from './elasticsearch-bulk.ts'
import { singlesOf } from './elasticsearch-pieces.ts'
import type { Indices } from './elasticsearch-indices.ts'
import { partsOf, pick, type Part } from './elasticsearch-lines.ts'
import type { AppendResult } from './store.ts'

/** A line that cannot be stored is rejected as a record of its own; its neighbours are stored. */
export async function appendLogs(
  bulk: Bulk,
  indices: Indices,
  records: readonly LogRecord[],
): Promise<AppendResult> {
  const result: AppendResult = { stored: 0, duplicates: 0, rejected: [] }
  killPoint('store:before-commit')
  await bulk.run(requestsOf(bulk, indices, records, result))
  killPoint('store:after-commit')
  return result
}

/** What goes together to one index. */
interface Batch {
  parts: Part[]
  docs: number
  bytes: number
}

/** Records are opened as requests are asked for. */
function* requestsOf(
  bulk: Bulk,
  indices: Indices,
  records: readonly LogRecord[],
  result: AppendResult,
): Generator<BulkRequest> {
  const batches = new Map<string, Batch>()
  const toRequest = (index: string, { parts }: Batch): BulkRequest => ({
    index,
    pieces: parts.map(({ piece }) => piece),
    settle(outcomes) {
      let from = 0
      for (const part of parts) {
        const to = from + part.piece.ends.length
        count(part, outcomes.slice(from, to), result)
        from = to
      }
    },
  })
  const evenly = shares(records.reduce((sum, { head }) => sum + head.count, 0))
  for (const record of records) {
    const room = evenly(bulk.room())
    for (const part of readable(record, indices, result).flatMap((one) => cut(one, room.bytes))) {
      const [docs, bytes] = [part.piece.ends.length, part.piece.bytes.length]
      const index = indices.of('logs', part.day, record.head.identity.retention)
      const batch = batches.get(index)
      // Records go whole: the last one may stand out.
      if (batch && batch.docs < room.docs && batch.bytes + bytes <= room.bytes) {
        batch.parts.push(part)
        batch.docs += docs
        batch.bytes += bytes
        continue
      }
      batches.set(index, { parts: [part], docs, bytes })
      if (batch) yield toRequest(index, batch)
    }
  }
  for (const [index, batch] of batches) yield toRequest(index, batch)
}

/** Requests of one size, an even number of them: of two that are under way none waits long for the other at the end. */
function shares(docs: number) {
  return (room: { docs: number; bytes: number }) => {
    const requests = Math.ceil(docs / room.docs)
    if (requests <= 1 || !Number.isFinite(requests)) return room
    return { ...room, docs: Math.ceil(docs / (requests + (requests % 2))) }
  }
}

/** A part that is larger than a request, line by line. */
function cut(part: Part, maxBytes: number): Part[] {
  if (part.piece.bytes.length <= maxBytes) return [part]
  return singlesOf([part.piece]).map((piece, i) => ({
    ...part,
    piece,
    numbers: [part.numbers?.[i] ?? i],
  }))
}

function readable(record: LogRecord, indices: Indices, { rejected }: AppendResult): Part[] {
  try {
    const parts = partsOf(record)
    return parts.filter((part) => {
      const refusal = indices.refusal(part.day)
      if (refusal !== undefined) reject(part, new Map([[refusal, all(part)]]), rejected)
      return refusal === undefined
    })
  } catch (error) {
    rejected.push({ record, reason: `not a readable record: ${explain(error)}` })
    return []
  }
}

const all = ({ piece, numbers }: Part) => new Set(numbers ?? piece.ends.keys())

function count(part: Part, outcomes: Outcome[], result: AppendResult): void {
  const reasons = new Map<string, Set<number>>()
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome === 'stored') result.stored++
    else if (outcome === 'duplicate') result.duplicates++
    else {
      const numbers = reasons.get(outcome.refused) ?? new Set()
      reasons.set(outcome.refused, numbers.add(part.numbers?.[i] ?? i))
    }
  }
  reject(part, reasons, result.rejected)
}

function reject(
  { record }: Part,
  reasons: Map<string, Set<number>>,
  rejected: AppendResult['rejected'],
): void {
  for (const [reason, numbers] of reasons) {
    for (const part of pick(record, numbers)) rejected.push({ record: part, reason })
  }
}
