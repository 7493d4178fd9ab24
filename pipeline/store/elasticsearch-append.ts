import { explain } from '../errors.ts'
import { killPoint } from '../fault.ts'
import type { LogRecord } from '../record.ts'
import type { Bulk, Outcome } from './elasticsearch-bulk.ts'
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
  const parts = records.flatMap((record) => readable(record, indices, result))
  const days = Map.groupBy(parts, ({ day }) => day)
  killPoint('store:before-commit')
  for (const [day, group] of days) {
    const texts =
      group.length === 1 ? (group[0] as Part).texts : group.flatMap((part) => part.texts)
    const outcomes = await bulk.write(indices.of('logs', day), texts, 'latin1')
    let from = 0
    for (const part of group) {
      const to = from + part.texts.length
      count(part, outcomes.slice(from, to), result)
      from = to
    }
  }
  killPoint('store:after-commit')
  return result
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

const all = ({ texts, numbers }: Part) => new Set(numbers ?? texts.keys())

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
