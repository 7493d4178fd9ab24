import { zstdCompressSync, zstdDecompressSync, constants } from 'node:zlib'
import type { Level, LogDoc } from './event.ts'
import { identityToEcs, type Identity } from './identity.ts'

/**
 * The unit of the hot path: consecutive lines of one source (one container and stream, or one file), as NDJSON
 * in final ECS form, compressed once at the collector and carried unchanged through spool, bus and store.
 * What a reader needs to route, count or skip it stands in `head`, so that most never open the body.
 */
export interface LogRecord {
  head: LogHead
  /** zstd of the NDJSON, one {@link LogDoc} a line, each line ended by a newline. */
  body: Uint8Array
}

export interface LogHead {
  /** Version of this shape. */
  v: 1
  /** `<container>:o`, `<container>:e` or `file:<fingerprint>`: sequences are dense per source. */
  source: string
  /** Made when the source's sequence started at 0: within one lineage a sequence never repeats for another line. */
  lineage: string
  /** First and last `event.sequence`, inclusive. */
  sequence: [number, number]
  /** Earliest and latest `@timestamp`. */
  time: [string, string]
  count: number
  /** Size of the NDJSON in bytes. */
  bytes: number
  levels: Partial<Record<Level, number>>
  identity: Identity
}

const compression = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

export function encodeBody(ndjson: Uint8Array): Uint8Array {
  return zstdCompressSync(ndjson, compression)
}

/** The NDJSON bytes of a record, each line ended by a newline. */
export function decodeBody(record: LogRecord): Buffer {
  return zstdDecompressSync(record.body)
}

/** The lines of a record as documents. For paths that are not hot; hot ones scan {@link decodeBody}. */
export function decodeDocs(record: LogRecord): LogDoc[] {
  const text = decodeBody(record).toString('utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogDoc)
}

/** What {@link encodeRecord} needs beside the documents. */
export type Lineage = Pick<LogHead, 'source' | 'lineage' | 'identity'>

/** Builds a record from whole documents; the collectors' hot path splices bytes instead. Sequences must be consecutive. */
export function encodeRecord(
  docs: readonly LogDoc[],
  { source, lineage, identity }: Lineage,
): LogRecord {
  const first = docs[0]
  const last = docs.at(-1)
  if (!first || !last) throw new RangeError('a record needs at least one document')
  const times = docs.map((doc) => doc['@timestamp']).toSorted()
  const levels: LogHead['levels'] = {}
  for (const doc of docs) levels[doc['log.level']] = (levels[doc['log.level']] ?? 0) + 1
  const ecs = identityToEcs(identity)
  const ndjson = Buffer.from(docs.map((doc) => `${JSON.stringify({ ...doc, ...ecs })}\n`).join(''))
  return {
    head: {
      v: 1,
      source,
      lineage,
      sequence: [first['event.sequence'], last['event.sequence']],
      time: [times[0] as string, times.at(-1) as string],
      count: docs.length,
      bytes: ndjson.length,
      levels,
      identity,
    },
    body: encodeBody(ndjson),
  }
}

/** How a record stands on the bus: the head in a header, keyed by what must keep its order (the container or file). */
export function toBusRecord({ head, body }: LogRecord) {
  return {
    key: head.source.replace(/:[oe]$/, ''),
    headers: { kind: 'lines', head: JSON.stringify(head) },
    value: body,
  }
}

/** The inverse of {@link toBusRecord}; throws if it is not a record of lines in a version that we read. */
export function fromBusRecord(record: {
  headers: Record<string, string>
  value: Uint8Array
}): LogRecord {
  const head = JSON.parse(record.headers['head'] ?? 'null') as LogHead | null
  if (head?.v !== 1) throw new TypeError(`no record head of version 1`)
  return { head, body: record.value }
}

/** `@timestamp` and `log.level` stand at fixed places of each NDJSON line (see LogDoc). */
const timeStart = '{"@timestamp":"'.length
const timeEnd = timeStart + '2026-11-22T18:25:51.633858316Z'.length
const levelStart = timeEnd + '","log.level":"'.length
/** Line by line, without parsing: text of the line, its time and its level. */
export function* scanLines(
  ndjson: string,
): Generator<{ line: string; time: string; level: Level }> {
  let start = 0
  for (let end = ndjson.indexOf('\n'); end >= 0; end = ndjson.indexOf('\n', start)) {
    const line = ndjson.slice(start, end)
    start = end + 1
    if (line === '') continue
    yield {
      line,
      time: line.slice(timeStart, timeEnd),
      level: line.slice(levelStart, line.indexOf('"', levelStart)) as Level,
    }
  }
}
