import { msToIso, nsToIso, type Level, type LogDoc } from '../../pipeline/event.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { decodeDocs, encodeRecord, type LogRecord } from '../../pipeline/record.ts'

/** The middle of a day; what needs several days goes on from here. */
export const noon = Date.parse('2026-11-22T12:00:00Z')
export const dayMs = 86_400_000

/** A line to be written. */
export interface Line {
  /** Whole ms. */
  at?: number
  /** ns beyond that. */
  ns?: number
  message?: string
  level?: Level
  tags?: string[]
}

/** A container's stream or a file, which counts its lines. */
export interface Source {
  name: string
  identity: Identity
  /** The next lines, as one record. */
  write(...lines: Line[]): LogRecord
  /** `count` lines a second apart from `at`, as one record; messages are `<name> <sequence>`. */
  tick(count: number, at?: number, level?: Level): LogRecord
  /** Lines that are never stored. */
  skip(count: number): void
}

/** Ids are by origin: of a container by time and ordinal, of a file by offset. */
export function openSource(name: string, identity: Identity = {}, lineage = 'first'): Source {
  const whole: Identity = name.startsWith('file:')
    ? identity
    : { container: name.replace(/:[oe]$/, ''), ...identity }
  let sequence = 0
  const ordinals = new Map<bigint, number>()

  function idOf(ns: bigint): string {
    if (name.startsWith('file:')) return `${name}:0:${sequence * 100}`
    const ordinal = ordinals.get(ns) ?? 0
    ordinals.set(ns, ordinal + 1)
    return `${name}:${ns}:${ordinal}`
  }

  function toDoc({ at = noon, ns: beyond = 0, message, level = 'info', tags }: Line): LogDoc {
    const ns = BigInt(at) * 1_000_000n + BigInt(beyond)
    return {
      '@timestamp': nsToIso(ns),
      'log.level': level,
      'event.id': idOf(ns),
      'event.sequence': sequence,
      'log.iostream': name.endsWith(':e') ? 'stderr' : 'stdout',
      message: message ?? `${name} ${sequence}`,
      ...(tags ? { tags } : {}),
    }
  }

  function write(...lines: Line[]): LogRecord {
    const docs = lines.map((line) => {
      const doc = toDoc(line)
      sequence++
      return doc
    })
    return encodeRecord(docs, { source: name, lineage, identity: whole })
  }

  return {
    name,
    identity: whole,
    write,
    tick: (count, at = noon, level = 'info') =>
      write(...Array.from({ length: count }, (_, i) => ({ at: at + i * 1000, level }))),
    skip(count) {
      sequence += count
    },
  }
}

/** The same lines cut into records of `size`. */
export function recut(records: readonly LogRecord[], size: number, lineage = 'first'): LogRecord[] {
  const [first] = records
  if (!first) return []
  const docs = records.flatMap(decodeDocs)
  const { source, identity } = first.head
  return Array.from({ length: Math.ceil(docs.length / size) }, (_, i) =>
    encodeRecord(docs.slice(i * size, (i + 1) * size), { source, lineage, identity }),
  )
}

export function docsOf(...records: LogRecord[]): LogDoc[] {
  return records.flatMap(decodeDocs)
}

export const messages = (docs: readonly LogDoc[]) => docs.map(({ message }) => message)

/** The order of all lines: time, then source, then sequence. */
export function inOrder(docs: readonly LogDoc[]): LogDoc[] {
  return docs.toSorted(
    (a, b) =>
      compareText(a['@timestamp'], b['@timestamp']) ||
      compareText(sourceOf(a), sourceOf(b)) ||
      a['event.sequence'] - b['event.sequence'],
  )
}

export function sourceOf(doc: LogDoc): string {
  return doc['event.id'].split(':').slice(0, -2).join(':')
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export const iso = msToIso
