import { isoDay, type LogDoc } from '../event.ts'
import { checkHead, decodeBody, decodeDocs, encodeRecord, type LogRecord } from '../record.ts'
import type { Piece } from './elasticsearch-pieces.ts'
import { documentId } from './elasticsearch-indices.ts'

/*
 * From the bytes of a record to the bytes of a bulk request: an action with the event's id and the line as it is, into
 * which its source and lineage are spliced, since searches put lines in their order. Nothing is parsed, and of each line only
 * the beginning becomes a text: whole lines as texts took three times as long.
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
const dayLength = '2026-11-22'.length
/** Time, level and id stand in so many bytes, or the line is not laid out as collectors do it. */
const headBytes = 256
const newline = 10
const actionStart = Buffer.from('{"create":{"_id":"')

/** Throws where the body is not what its head says, or is no NDJSON. */
export function partsOf(record: LogRecord): Part[] {
  checkHead(record.head)
  const { time, count } = record.head
  const ndjson = decodeBody(record)
  const lines = findLines(ndjson, time)
  if (lines.count !== count || lines.end !== ndjson.length) {
    throw new TypeError(`its body holds ${lines.count} lines, not ${count}`)
  }
  const splice = Buffer.from(spliceOf(record))
  if (isoDay(time[0]) === isoDay(time[1])) {
    const piece = pieceOf(ndjson, lines, splice)
    return [{ record, day: isoDay(time[0]), piece, numbers: undefined }]
  }
  const dayOf = (number: number) => {
    const from = (lines.places[number * 4] as number) + timeMark.length
    return ndjson.toString('latin1', from, from + dayLength)
  }
  const days = Map.groupBy(Array(count).keys(), dayOf)
  return [...days].map(([day, numbers]) => {
    return { record, day, piece: pieceOf(ndjson, lines, splice, numbers), numbers }
  })
}

/** Numbers rather than objects: there are many lines, and they are looked at but once. */
interface Lines {
  count: number
  /** Behind the last newline. */
  end: number
  /** Of each line: its start, its end behind the newline, the start and the end of its id. */
  places: number[]
  /** Ids, as they stand in JSON, of lines that are not laid out as collectors do it. */
  oddIds: Map<number, Buffer>
}

function findLines(ndjson: Buffer, time: [string, string]): Lines {
  const lines: Lines = { count: 0, end: 0, places: [], oddIds: new Map() }
  for (let start = 0; ; start = lines.end) {
    const end = ndjson.indexOf(newline, start)
    if (end < 0) return lines
    const head = ndjson.toString('latin1', start, Math.min(start + headBytes, end))
    checkTime(head, time)
    const mark = head.startsWith(levelMark, timeEnd)
      ? head.indexOf('"', timeEnd + levelMark.length)
      : -1
    const from = mark + idMark.length
    const to = mark > 0 && head.startsWith(idMark, mark) ? head.indexOf('"', from) : -1
    if (to <= from || head.lastIndexOf('\\', to) >= from) {
      lines.oddIds.set(lines.count, parsedId(ndjson.toString('utf8', start, end)))
    }
    lines.places.push(start, end + 1, start + from, start + to)
    lines.count++
    lines.end = end + 1
  }
}

function checkTime(head: string, [first, last]: [string, string]): void {
  const time = head.slice(timeMark.length, timeEnd)
  if (head.startsWith(timeMark) && time >= first && time <= last) return
  throw new TypeError(`a line without a time from ${first} to ${last}`)
}

function parsedId(line: string): Buffer {
  const doc = JSON.parse(line) as Partial<LogDoc>
  const id = doc['event.id']
  if (typeof id !== 'string' || id === '') throw new TypeError('a line without event.id')
  return Buffer.from(JSON.stringify(documentId(id)).slice(1, -1))
}

/** What stands between the id of the action and the line without its first brace. */
function spliceOf({ head: { source, lineage } }: LogRecord): string {
  return `"}}\n{"mesoscope.source":${JSON.stringify(source)},"mesoscope.lineage":${JSON.stringify(lineage)},`
}

function pieceOf(
  ndjson: Buffer,
  { count, places, oddIds }: Lines,
  splice: Buffer,
  numbers?: readonly number[],
): Piece {
  const chosen = numbers ?? Array(count).keys()
  const place = (number: number, i: number) => places[number * 4 + i] as number
  let idBytes = 0
  for (let i = 0; i < count; i++) idBytes += oddIds.get(i)?.length ?? place(i, 3) - place(i, 2)
  const most = ndjson.length + idBytes + count * (actionStart.length + splice.length)
  const bytes = Buffer.allocUnsafe(most)
  const ends: number[] = []
  let at = 0
  for (const number of chosen) {
    bytes.set(actionStart, at)
    at += actionStart.length
    const odd = oddIds.get(number)
    if (odd) {
      bytes.set(odd, at)
      at += odd.length
    } else at += ndjson.copy(bytes, at, place(number, 2), place(number, 3))
    bytes.set(splice, at)
    at += splice.length
    at += ndjson.copy(bytes, at, place(number, 0) + 1, place(number, 1))
    ends.push(at)
  }
  return { bytes: bytes.subarray(0, at), ends }
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
