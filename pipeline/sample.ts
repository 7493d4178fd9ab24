import { zstdDecompressSync } from 'node:zlib'
import { isoToNs, type SampleDoc } from './event.ts'
import { encodeBody } from './record.ts'

/**
 * What was measured at one place (an agent, a Docker daemon, a Marathon) in one go: samples of many tasks as NDJSON,
 * compressed. Keyed by where it was taken, not by container: one scrape is one record, its sequence is dense, and the
 * samples of a task keep their order, since one place measures it.
 */
export interface SampleRecord {
  head: SampleHead
  /** zstd of the NDJSON, one {@link SampleDoc} a line, each line ended by a newline. */
  body: Uint8Array
}

export interface SampleHead {
  /** Version of this shape. */
  v: 1
  /** `<collector>:<place>`: sequences are dense per source. */
  source: string
  /** Made when the source's sequence started at 0. */
  lineage: string
  /** First and last `event.sequence`, inclusive. */
  sequence: [number, number]
  /** Earliest and latest `@timestamp`. */
  time: [string, string]
  count: number
}

/** Far above any real record: a hostile body must not fill the memory. */
const maxBodyBytes = 256 * 2 ** 20

/** Sequences must be consecutive. */
export function encodeSamples(
  docs: readonly SampleDoc[],
  { source, lineage }: Pick<SampleHead, 'source' | 'lineage'>,
): SampleRecord {
  const first = docs[0]
  const last = docs.at(-1)
  if (!first || !last) throw new RangeError('a record needs at least one sample')
  const times = docs.map((doc) => doc['@timestamp']).toSorted()
  return {
    head: {
      v: 1,
      source,
      lineage,
      sequence: [first['event.sequence'], last['event.sequence']],
      time: [times[0] as string, times.at(-1) as string],
      count: docs.length,
    },
    body: encodeBody(Buffer.from(docs.map((doc) => `${JSON.stringify(doc)}\n`).join(''))),
  }
}

/** Throws where the body is damaged. */
export function decodeSamples(record: Pick<SampleRecord, 'body'>): SampleDoc[] {
  return decodeSampleLines(record).map((line) => JSON.parse(line) as SampleDoc)
}

/** The JSON of each sample. Throws where the compressed body is damaged. */
export function decodeSampleLines({ body }: Pick<SampleRecord, 'body'>): string[] {
  const text = zstdDecompressSync(body, { maxOutputLength: maxBodyBytes }).toString('utf8')
  return text.split('\n').filter((line) => line !== '')
}

/** Larger ones are no measurement, and could not be added up. */
const largestValue = 1e250

/** Why it cannot be what a collector measured; undefined for a sound one. */
export function sampleFault(doc: unknown): string | undefined {
  if (typeof doc !== 'object' || doc === null) return 'a sample that is no object'
  const { '@timestamp': time, 'event.id': id, 'event.sequence': n, metrics } = doc as SampleDoc
  if (typeof time !== 'string' || time.length !== timeLength || isoToNs(time) === undefined) {
    return 'a sample whose @timestamp is no time'
  }
  if (typeof id !== 'string' || id === '') return 'a sample without event.id'
  if (!Number.isSafeInteger(n)) return 'a sample without event.sequence'
  if (typeof metrics !== 'object' || metrics === null || Array.isArray(metrics)) {
    return 'a sample without metrics'
  }
  const odd = Object.entries(metrics).find(([, value]) => !isMeasured(value))
  return odd && `a sample whose ${odd[0].slice(0, 100)} is no number`
}

const timeLength = '2026-11-22T18:25:51.633858316Z'.length

function isMeasured(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= largestValue
}

/** How a record stands on the bus topic `metrics`. */
export function samplesToBus({ head, body }: SampleRecord) {
  return { key: head.source, headers: { kind: 'samples', head: JSON.stringify(head) }, value: body }
}

/** The inverse of {@link samplesToBus}; throws TypeError if it is not a record of samples in a version that we read. */
export function samplesFromBus(record: {
  headers: Record<string, string>
  value: Uint8Array
}): SampleRecord {
  const head = JSON.parse(record.headers['head'] ?? 'null') as SampleHead | null
  if (head?.v !== 1) throw new TypeError('no head of samples of version 1')
  const { source, lineage, sequence, count } = head
  const [first, last] = Array.isArray(sequence) ? sequence : []
  const dense = Number.isSafeInteger(first) && Number.isSafeInteger(last)
  if (typeof source !== 'string' || typeof lineage !== 'string' || !dense) {
    throw new TypeError('the head of samples has no usable source, lineage or sequence')
  }
  if (count !== Number(last) - Number(first) + 1) {
    throw new TypeError('the count of samples does not fit their sequence')
  }
  return { head, body: record.value }
}
