import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import {
  decodeBody,
  decodeDocs,
  encodeBody,
  encodeRecord,
  type LogRecord,
} from '../pipeline/record.ts'

/**
 * The record with another identity, on the hot path: the identity stands last in each line, the same in all, so that
 * one end of text is replaced by the other and no line is parsed. Throws if the body is damaged.
 */
export function withIdentity(record: LogRecord, identity: Identity): LogRecord {
  const { head } = record
  const ndjson = spliced(record, identity)
  if (!ndjson) return parsed(record, identity)
  return { head: { ...head, bytes: ndjson.length, identity }, body: encodeBody(ndjson) }
}

/** Its lines alone, as {@link withIdentity} gives them; the bytes are valid until the next call. */
export function linesWithIdentity(record: LogRecord, identity: Identity): Buffer {
  return spliced(record, identity) ?? decodeBody(parsed(record, identity))
}

/** Undefined where the lines do not end as the head says. */
function spliced(record: LogRecord, identity: Identity): Buffer | undefined {
  const { head } = record
  return replaceEnds(decodeBody(record), endOf(head.identity), endOf(identity), head.count)
}

function parsed(record: LogRecord, identity: Identity): LogRecord {
  return encodeRecord(decodeDocs(record), { ...record.head, identity })
}

/** What ends every line of an identity. */
function endOf(identity: Identity): Buffer {
  const fields = JSON.stringify(identityToEcs(identity)).slice(1)
  return Buffer.from(fields === '}' ? '}\n' : `,${fields}\n`)
}

const newline = 10
/** Where lines are put together before they are compressed; records are made one at a time. */
let scratch = Buffer.alloc(0)

/** Valid until the next call; undefined where not each of the `count` lines ends with `before`. */
function replaceEnds(
  ndjson: Buffer,
  before: Buffer,
  after: Buffer,
  count: number,
): Buffer | undefined {
  const size = ndjson.length + count * Math.max(0, after.length - before.length)
  if (scratch.length < size) scratch = Buffer.allocUnsafeSlow(size * 2)
  let start = 0
  let at = 0
  for (let line = 0; line < count; line++) {
    const end = ndjson.indexOf(newline, start) + 1
    const cut = end - before.length
    if (cut < start || ndjson.compare(before, 0, before.length, cut, end) !== 0) return undefined
    at += ndjson.copy(scratch, at, start, cut)
    at += after.copy(scratch, at)
    start = end
  }
  return start === ndjson.length ? scratch.subarray(0, at) : undefined
}
