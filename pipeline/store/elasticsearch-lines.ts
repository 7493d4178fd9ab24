import { isoDay, type LogDoc } from '../event.ts'
import { checkHead, decodeBody, decodeDocs, encodeRecord, type LogRecord } from '../record.ts'
import { documentId } from './elasticsearch-indices.ts'

/*
 * From the bytes of a record to the bytes of a bulk request: an action with the event's id and the line as it is, into
 * which its source and lineage are spliced, since searches put lines in their order. Bytes are handled as latin1 text, which
 * leaves them as they are; nothing is parsed.
 */

/** The lines of a record that belong to one day. */
export interface Part {
  record: LogRecord
  day: string
  /** An action and a document each, as latin1. */
  texts: string[]
  /** Which lines of the record they are; undefined where all of them are of this day. */
  numbers: number[] | undefined
}

const timeMark = '{"@timestamp":"'
const timeLength = '2026-11-22T18:25:51.633858316Z'.length
const levelMark = '","log.level":"'
const idMark = '","event.id":"'
const timeEnd = timeMark.length + timeLength
/** Ids of so many bytes are used as they stand, escapes included: those of collectors have none. */
const longestPlainId = 500

/** Throws where the body is not what its head says, or is no NDJSON. */
export function partsOf(record: LogRecord): Part[] {
  checkHead(record.head)
  const { time, count } = record.head
  const text = decodeBody(record).toString('latin1')
  const oneDay = isoDay(time[0]) === isoDay(time[1])
  const parts = new Map<string, Part>()
  const origin = originOf(record.head)
  let lines = 0
  let start = 0
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    checkLine(text, start, time)
    const day = oneDay
      ? isoDay(time[0])
      : text.slice(start + timeMark.length, start + timeMark.length + 10)
    const part = parts.get(day) ?? { record, day, texts: [], numbers: oneDay ? undefined : [] }
    parts.set(day, part)
    const id = idIn(text, start, end)
    part.texts.push(`{"create":{"_id":"${id}"}}\n{${origin}${text.slice(start + 1, end + 1)}`)
    part.numbers?.push(lines)
    lines++
    start = end + 1
  }
  if (lines !== count || start !== text.length) {
    throw new TypeError(`its body holds ${lines} lines, not ${count}`)
  }
  return [...parts.values()]
}

function checkLine(text: string, start: number, [first, last]: [string, string]): void {
  const from = start + timeMark.length
  const time = text.slice(from, from + timeLength)
  if (text.startsWith(timeMark, start) && time >= first && time <= last) return
  throw new TypeError(`a line without a time from ${first} to ${last}`)
}

/** As it stands in JSON. */
function idIn(text: string, start: number, end: number): string {
  const level = start + timeEnd
  if (text.startsWith(levelMark, level)) {
    const mark = text.indexOf('"', level + levelMark.length)
    const from = mark + idMark.length
    const to = text.indexOf('"', from)
    if (text.startsWith(idMark, mark) && to < end && to - from < longestPlainId) {
      const id = text.slice(from, to)
      if (!id.includes('\\')) return id
    }
  }
  return parsedId(text.slice(start, end))
}

/** Of a line that is not laid out as collectors do it. */
function parsedId(line: string): string {
  const doc = JSON.parse(Buffer.from(line, 'latin1').toString()) as Partial<LogDoc>
  const id = doc['event.id']
  if (typeof id !== 'string' || id === '') throw new TypeError('a line without event.id')
  return toLatin1(JSON.stringify(documentId(id)).slice(1, -1))
}

function originOf({ source, lineage }: LogRecord['head']): string {
  return toLatin1(
    `"mesoscope.source":${JSON.stringify(source)},"mesoscope.lineage":${JSON.stringify(lineage)},`,
  )
}

const toLatin1 = (text: string) => Buffer.from(text).toString('latin1')

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
