import { zstdCompressSync, zstdDecompressSync, constants } from 'node:zlib'
import { isoToNs, type Level, type LogDoc } from './event.ts'
import { identityFields, identityToEcs, type Identity } from './identity.ts'

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

/** The checksum makes every damage known: without it some flipped bits would pass as other text. */
const compression = {
  params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
}
/** Far above any real record: a hostile body must not fill the memory. */
const maxBodyBytes = 256 * 2 ** 20
/** A record fits in one of these, whatever a damaged head says. */
const maxChunk = 2 ** 20

export function encodeBody(ndjson: Uint8Array): Uint8Array {
  // zlib answers with a view of a 64 KiB buffer, which would stay in memory, and go to other threads, whole.
  return new Uint8Array(
    zstdCompressSync(ndjson, {
      ...compression,
      chunkSize: 16 * 1024,
      pledgedSrcSize: ndjson.length,
    }),
  )
}

/** The NDJSON bytes of a record, each line ended by a newline. With its head it goes faster: that tells the size. */
export function decodeBody({
  body,
  head,
}: {
  body: Uint8Array
  head?: Pick<LogHead, 'bytes'>
}): Buffer {
  const chunkSize = head ? Math.min(Math.max(head.bytes, 0) + 64, maxChunk) : undefined
  return zstdDecompressSync(body, { maxOutputLength: maxBodyBytes, chunkSize })
}

/** The lines of a record as documents. For paths that are not hot; hot ones scan {@link decodeBody}. */
export function decodeDocs(record: Pick<LogRecord, 'body'>): LogDoc[] {
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
  const lines = docs.map((doc) => `${JSON.stringify({ ...withoutIdentity(doc), ...ecs })}\n`)
  const ndjson = Buffer.from(lines.join(''))
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

const identityNames = new Set<string>(Object.values(identityFields))

/** So that the identity can stand last, in its own order, as {@link LogDoc} says. */
function withoutIdentity(doc: LogDoc): Record<string, unknown> {
  const rest: Record<string, unknown> = {}
  for (const name of Object.keys(doc)) if (!identityNames.has(name)) rest[name] = doc[name]
  return rest
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
  checkHead(head)
  return { head, body: record.value }
}

/** Throws TypeError where a head cannot be what a collector wrote: readers rely on it without looking at the lines. */
export function checkHead(head: LogHead | null): asserts head is LogHead {
  if (head?.v !== 1) throw new TypeError('no record head of version 1')
  const fault = faultOf(head)
  if (fault) throw new TypeError(`the record's head has no usable ${fault}`)
}

/** The first field that is not as declared. */
function faultOf(head: LogHead): keyof LogHead | undefined {
  const { source, lineage, sequence, time, count, bytes, levels, identity } = head
  if (typeof source !== 'string' || source === '') return 'source'
  if (typeof lineage !== 'string') return 'lineage'
  if (!isPair(sequence, Number.isSafeInteger)) return 'sequence'
  if (!isPair(time, isFixedTime) || time[0] > time[1]) return 'time'
  if (!(count > 0) || count !== sequence[1] - sequence[0] + 1) return 'count'
  if (!Number.isSafeInteger(bytes)) return 'bytes'
  if (!isObject(levels) || !Object.values(levels).every(Number.isSafeInteger)) return 'levels'
  return isObject(identity) ? undefined : 'identity'
}

function isPair(value: unknown, test: (part: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length === 2 && value.every(test)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function isFixedTime(time: unknown): boolean {
  return (
    typeof time === 'string' && time.length === timeEnd - timeStart && isoToNs(time) !== undefined
  )
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
