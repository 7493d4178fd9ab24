import { levels, type Level, type LogDoc } from '../event.ts'
import { identityToEcs } from '../identity.ts'
import { decodeBody, decodeDocs, encodeRecord, type LogHead, type LogRecord } from '../record.ts'

/**
 * The SQLite store keeps records as they come, compressed, as *blocks*: one row for up to some hundred lines, with the
 * columns that searches choose by. This file knows the inside of a block.
 */

const messageMark = '"message":"'

/**
 * What the full-text index gets of a record: the messages, without JSON's escapes. Throws where the body is not what
 * its head says: searches rely on the head.
 */
export function searchText(record: {
  head: Pick<LogHead, 'count' | 'bytes' | 'time' | 'identity'>
  body: Uint8Array
}): string {
  const { count, time, identity } = record.head
  const ndjson = decodeBody(record).toString('utf8')
  const ecs = JSON.stringify(identityToEcs(identity))
  const tail = ecs === '{}' ? '}' : `,${ecs.slice(1)}`
  const messages: string[] = []
  let start = 0
  for (let end = ndjson.indexOf('\n'); end >= 0; end = ndjson.indexOf('\n', start)) {
    checkLine(ndjson, start, time)
    messages.push(words(messageOf(ndjson, start, end, tail)))
    start = end + 1
  }
  if (messages.length !== count || start !== ndjson.length) {
    throw new TypeError(`its body holds ${messages.length} lines, not ${count}`)
  }
  return indexable(messages.join(' '))
}

const timeMark = '{"@timestamp":"'
const timeLength = '2026-11-22T18:25:51.633858316Z'.length

function checkLine(ndjson: string, start: number, [first, last]: LogHead['time']): void {
  const from = start + timeMark.length
  const time = ndjson.slice(from, from + timeLength)
  if (ndjson.startsWith(timeMark, start) && time >= first && time <= last) return
  throw new TypeError(`a line without a time from ${first} to ${last}`)
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

const escapedSign = /\\(?:u[0-9a-fA-F]{4}|[nrtbf])/
/** Begins where a run of backslashes begins: tried from each of them, a long run would take quadratic time. */
const escapedSigns = /(?<!\\)\\+(?:u([0-9a-fA-F]{4})|[nrtbf])/g

/**
 * A text that holds all words of the message, and perhaps more: the index only chooses candidates. Most escapes (a
 * backslash before a quote or a backslash) stand between words anyway and stay. After one that is made of letters (`\n`) a word
 * begins, unless its backslash is itself escaped, as in a message that is JSON: there the word of the text is `nword`, and
 * that of the parsed field `word`. So such a message is indexed both as it is and with these escapes undone.
 */
function words(escaped: string): string {
  if (!escapedSign.test(escaped)) return escaped
  return `${escaped} ${escaped.replaceAll(escapedSigns, unescapeOne)}`
}

function unescapeOne(_: string, hex: string | undefined): string {
  return hex ? String.fromCharCode(Number.parseInt(hex, 16)) : ' '
}

/**
 * Only letters and digits make words, as `pipeline/query.ts` has it. SQLite's `ascii` tokenizer, the quickest, takes every
 * sign beyond ASCII for a letter, and does not know that two of them have an ASCII letter as their small form.
 */
function indexable(text: string): string {
  if (!/[^\0-\x7f]/.test(text)) return text
  return text
    .replaceAll(/[^\0-\x7f\p{L}\p{N}]/gu, ' ')
    .replaceAll('\u212a', 'k')
    .replaceAll('\u017f', 's')
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
