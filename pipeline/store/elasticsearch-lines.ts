import { isoDay, type LogDoc } from '../event.ts'
import { checkHead, decodeBody, decodeDocs, encodeRecord, type LogRecord } from '../record.ts'
import type { Piece } from './elasticsearch-bulk.ts'
import { documentId } from './elasticsearch-indices.ts'

/*
 * From the bytes of a record to the bytes of a bulk request: an action with the event's id and the line as it is, into
 * which its source and lineage are spliced, since searches put lines in their order. Nothing is parsed, and of each line only
 * the beginning becomes a text.
 */

/** The lines of a record that belong to one day. */
export interface Part {
  record: LogRecord
  day: string
  piece: Piece
  /** Which lines of the record they are; undefined where all of them are of this day. */
  numbers: number[] | undefined
}

const timeMark = '{"@timestamp":"'
const timeLength = '2026-11-22T18:25:51.633858316Z'.length
const levelMark = '","log.level":"'
const idMark = '","event.id":"'
const timeEnd = timeMark.length + timeLength
/** Time, level and id stand in so many bytes, or the line is not laid out as collectors do it. */
const headBytes = 320
const newline = 10
const actionStart = Buffer.from('{"create":{"_id":"')
const actionEnd = '"}}\n'

/** Throws where the body is not what its head says, or is no NDJSON. */
export function partsOf(record: LogRecord): Part[] {
  checkHead(record.head)
  const { time, count } = record.head
  const ndjson = decodeBody(record)
  const oneDay = isoDay(time[0]) === isoDay(time[1])
  const days = new Map<string, Line[]>()
  let number = 0
  let start = 0
  for (let end = ndjson.indexOf(newline); end >= 0; end = ndjson.indexOf(newline, start)) {
    const head = ndjson.toString('latin1', start, Math.min(start + headBytes, end))
    const day = dayOf(head, time)
    const lines = days.get(day) ?? []
    if (lines.length === 0) days.set(day, lines)
    lines.push(lineAt(ndjson, head, { start, end: end + 1, number }))
    number++
    start = end + 1
  }
  if (number !== count || start !== ndjson.length) {
    throw new TypeError(`its body holds ${number} lines, not ${count}`)
  }
  return [...days].map(([day, lines]) => ({
    record,
    day,
    piece: pieceOf(record, ndjson, lines),
    numbers: oneDay ? undefined : lines.map((line) => line.number),
  }))
}

function dayOf(head: string, [first, last]: [string, string]): string {
  const time = head.slice(timeMark.length, timeEnd)
  if (head.startsWith(timeMark) && time >= first && time <= last) return isoDay(time)
  throw new TypeError(`a line without a time from ${first} to ${last}`)
}

interface Place {
  start: number
  /** Behind its newline. */
  end: number
  number: number
}

interface Line extends Place {
  /** As it stands in JSON. */
  id: Buffer
}

function lineAt(ndjson: Buffer, head: string, place: Place): Line {
  const { start, end } = place
  if (head.startsWith(levelMark, timeEnd)) {
    const mark = head.indexOf('"', timeEnd + levelMark.length)
    const from = mark + idMark.length
    const to = head.indexOf('"', from)
    const plain = to > from && head.startsWith(idMark, mark) && !head.slice(from, to).includes('\\')
    if (plain) return { ...place, id: ndjson.subarray(start + from, start + to) }
  }
  return { ...place, id: parsedId(ndjson.toString('utf8', start, end)) }
}

/** Of a line that is not laid out as collectors do it. */
function parsedId(line: string): Buffer {
  const doc = JSON.parse(line) as Partial<LogDoc>
  const id = doc['event.id']
  if (typeof id !== 'string' || id === '') throw new TypeError('a line without event.id')
  return Buffer.from(JSON.stringify(documentId(id)).slice(1, -1))
}

function pieceOf({ head }: LogRecord, ndjson: Buffer, lines: readonly Line[]): Piece {
  const { source, lineage } = head
  const splice = Buffer.from(
    `${actionEnd}{"mesoscope.source":${JSON.stringify(source)},"mesoscope.lineage":${JSON.stringify(lineage)},`,
  )
  const size = lines.reduce((sum, { start, end, id }) => sum + end - start - 1 + id.length, 0)
  const bytes = Buffer.allocUnsafe(size + lines.length * (actionStart.length + splice.length))
  const ends: number[] = []
  let at = 0
  for (const { start, end, id } of lines) {
    bytes.set(actionStart, at)
    at += actionStart.length
    bytes.set(id, at)
    at += id.length
    bytes.set(splice, at)
    at += splice.length
    // Without its brace, which stands before the splice.
    at += ndjson.copy(bytes, at, start + 1, end)
    ends.push(at)
  }
  return { bytes, ends }
}

/** The line as it was written. */
export function withoutOrigin<Doc extends Record<string, unknown>>(stored: Doc): Doc {
  const doc = { ...stored }
  delete doc['mesoscope.source']
  delete doc['mesoscope.lineage']
  return doc
}

/** The record with some of its lines alone, as records of consecutive lines. */
export function pick(record: LogRecord, numbers: ReadonlySet<number>): LogRecord[] {
  const docs = decodeDocs(record)
  if (numbers.size === docs.length) return [record]
  const runs: LogDoc[][] = []
  for (const [i, doc] of docs.entries()) {
    if (!numbers.has(i)) continue
    if (numbers.has(i - 1)) runs.at(-1)?.push(doc)
    else runs.push([doc])
  }
  return runs.map((run) => encodeRecord(run, record.head))
}
