import type { Stream } from '../pipeline/event.ts'
import { toLatin1 } from './bytes.ts'
import type { JsonFileHandlers } from './frame.ts'
import { logKey } from './json-file-shape.ts'

export interface Odd {
  chunk: Buffer
  /** The line with its newline, as latin1, and where it stands in the chunk. */
  line: string
  at: number
  handlers: JsonFileHandlers
  suspect: boolean
}

/** One line that is not in Docker's form: parsed as a whole, or else searched for whole records inside. */
export function frameOdd(odd: Odd): void {
  const { line, at, handlers } = odd
  const whole = parseRecord(odd.chunk, at, at + line.length)
  if (whole) return emit(odd, whole, 0, line.length)
  let badFrom = 0
  const giveUp = (to: number) => {
    if (badFrom === to) return
    handlers.bad(at + badFrom, at + to, reasonOf(line.slice(badFrom, to)))
  }
  for (let from = findRecord(line, 0); from < line.length;) {
    const next = findRecord(line, from + 1)
    const nul = line.slice(from, next).indexOf('\0')
    const to = nul === -1 ? next : from + nul
    const record = parseRecord(odd.chunk, at + from, at + to)
    if (record) {
      giveUp(from)
      badFrom = to
      emit(odd, record, from, to)
    }
    from = next
  }
  giveUp(line.length)
}

function findRecord(line: string, from: number): number {
  const found = line.indexOf(logKey, from)
  return found === -1 ? line.length : found
}

interface ParsedRecord {
  log: string
  stream: Stream
  time: string
}

function parseRecord(chunk: Buffer, begin: number, end: number): ParsedRecord | undefined {
  if (!mayBeObject(chunk, begin, end)) return undefined
  try {
    const record = JSON.parse(chunk.toString('utf8', begin, end)) as Record<string, unknown> | null
    const log = record?.['log']
    const time = parseTime(record?.['time'])
    if (typeof log !== 'string' || time === undefined) return undefined
    return { log, time, stream: record?.['stream'] === 'stderr' ? 'stderr' : 'stdout' }
  } catch {
    return undefined
  }
}

const isSpace = (byte: number | undefined) =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** Between braces? To throw costs microseconds: a file of garbage must not hold up the others. */
function mayBeObject(chunk: Buffer, begin: number, end: number): boolean {
  let first = begin
  while (first < end && isSpace(chunk[first])) first++
  let last = end - 1
  while (last > first && isSpace(chunk[last])) last--
  return chunk[first] === 0x7b && chunk[last] === 0x7d
}

/** RFC 3339 with any zone as fixed-width UTC. */
function parseTime(time: unknown): string | undefined {
  if (typeof time !== 'string') return undefined
  const match = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/.exec(
    time,
  )
  const ms = match ? Date.parse(`${match[1]}${match[3]}`.toUpperCase()) : Number.NaN
  if (Number.isNaN(ms)) return undefined
  return `${new Date(ms).toISOString().slice(0, 19)}.${(match?.[2] ?? '').padEnd(9, '0')}Z`
}

function emit(odd: Odd, { log, stream, time }: ParsedRecord, begin: number, end: number): void {
  const complete = log.endsWith('\n')
  const line = complete ? log.slice(0, log.endsWith('\r\n') ? -2 : -1) : log
  const escaped = toLatin1(JSON.stringify(line).slice(1, -1))
  odd.handlers.line(stream, time, escaped, complete, odd.suspect, odd.at + begin, odd.at + end)
}

function reasonOf(part: string): string {
  if (part.trim() === '') return 'an empty line'
  if (/^\0+\n?$/.test(part)) return 'NUL bytes'
  if (part.includes('\0')) return 'NUL bytes in a record'
  if (!part.endsWith('\n')) return 'a torn record'
  // oxlint-disable-next-line no-control-regex -- these bytes are what is looked for
  if (/[\x01-\x08\x0b\x0c\x0e-\x1f]/.test(part)) return 'raw control bytes in a record'
  return part.startsWith(logKey) ? 'a damaged record' : 'not a json-file record'
}
