import { levels, type Level, type LogDoc } from '../event.ts'
import { identityToEcs } from '../identity.ts'
import { decodeBody, decodeDocs, encodeRecord, type LogRecord } from '../record.ts'

/**
 * The SQLite store keeps records as they come, compressed, as *blocks*: one row for up to some hundred lines, with the
 * columns that searches choose by. This file knows the inside of a block.
 */

const messageMark = '"message":"'

/** What the full-text index gets of a record: the messages, without JSON's escapes. */
export function searchText(record: LogRecord): string {
  const ndjson = decodeBody(record).toString('utf8')
  const tail = `,${JSON.stringify(identityToEcs(record.head.identity)).slice(1)}`
  const messages: string[] = []
  let start = 0
  for (let end = ndjson.indexOf('\n'); end >= 0; end = ndjson.indexOf('\n', start)) {
    if (end > start) messages.push(messageOf(ndjson, start, end, tail))
    start = end + 1
  }
  return unescape(messages.join(' '))
}

/** The still escaped message of one line; found from both ends, since it may hold anything. */
function messageOf(ndjson: string, start: number, end: number, tail: string): string {
  const from = ndjson.indexOf(messageMark, start) + messageMark.length
  if (!ndjson.endsWith(tail, end)) return escapedMessage(ndjson.slice(start, end))
  let to = end - tail.length
  if (ndjson.charCodeAt(to - 1) === 0x5d) {
    const tags = ndjson.lastIndexOf('","tags":[', to)
    if (tags > from) to = tags + 1
  }
  return ndjson.slice(from, to - 1)
}

function escapedMessage(line: string): string {
  return JSON.stringify((JSON.parse(line) as LogDoc).message).slice(1, -1)
}

const escape = /\\(?:u([0-9a-fA-F]{4})|.)/g
const innerEscape = /\\\\+(?:u[0-9a-fA-F]{4}|[nrtbf])/

/**
 * Words as they stand in the message. A message that is JSON itself holds escapes of its own (`\\n`): its words are
 * indexed both as the text shows them and as its parsed fields do, so that a search by either finds the block.
 */
function unescape(escaped: string): string {
  if (!escaped.includes('\\')) return escaped
  const text = escaped.replaceAll(escape, (_, hex: string | undefined) =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : ' ',
  )
  if (!innerEscape.test(escaped)) return text
  const inner = escaped.replaceAll(/\\+(?:u[0-9a-fA-F]{4}|[nrtbf])/g, ' ')
  return `${text} ${inner}`
}

/** Counts by level, in the order of {@link levels}. */
export function levelCounts(counts: Partial<Record<Level, number>>): number[] {
  return levels.map((level) => counts[level] ?? 0)
}

/** The record as dense runs, each within one UTC day, of the lines that `keep` wants; the record itself if that is all. */
export function splitRecord(record: LogRecord, keep?: (doc: LogDoc) => boolean): LogRecord[] {
  const { time, source, lineage, identity } = record.head
  if (!keep && time[0].slice(0, 10) === time[1].slice(0, 10)) return [record]
  const runs: LogDoc[][] = []
  let before: LogDoc | undefined
  for (const doc of decodeDocs(record)) {
    if (keep && !keep(doc)) continue
    if (before && continues(before, doc)) runs.at(-1)?.push(doc)
    else runs.push([doc])
    before = doc
  }
  return runs.map((docs) => encodeRecord(docs, { source, lineage, identity }))
}

function continues(before: LogDoc, doc: LogDoc): boolean {
  return (
    before['event.sequence'] + 1 === doc['event.sequence'] &&
    before['@timestamp'].slice(0, 10) === doc['@timestamp'].slice(0, 10)
  )
}
