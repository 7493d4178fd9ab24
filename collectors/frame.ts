import { isUtf8 } from 'node:buffer'
import type { Stream } from '../pipeline/event.ts'
import { openMarks, toLatin1, validLatin1, withoutReturn, type Scan } from './bytes.ts'

export interface JsonFileHandlers {
  /** See `Redactor.scan`; run once over the chunk. */
  scan: Scan
  /**
   * One record. `time` has fixed width (nine fraction digits, `Z`), `escaped` is JSON-escaped latin1 without quotes,
   * valid UTF-8, without the final newline (or CRLF); `complete` tells whether there was one. `suspect`: a secret may
   * be in it. [begin, end) are offsets in the chunk, newline included.
   */
  line(
    stream: Stream,
    time: string,
    escaped: string,
    complete: boolean,
    suspect: boolean,
    begin: number,
    end: number,
  ): void
  /** Bytes that are no record; the next call goes on behind them. */
  bad(begin: number, end: number, reason: string): void
}

/** A record without a newline that is longer than this is given up; Docker's are below 200 KB. */
export const maxRecordBytes = 16 * 1024 * 1024

const logKey = '{"log":"'
const stdoutTime = '","stream":"stdout","time":"'
const stderrTime = '","stream":"stderr","time":"'
const stdoutAttrs = '","stream":"stdout","attrs":{'
const stderrAttrs = '","stream":"stderr","attrs":{'
const beforeTime = ',"time":"'

/**
 * Frames the records of a Docker json-file. `chunk` starts at the beginning of a record. Returns the bytes consumed:
 * what follows the last newline stays, to be given again with more (unless it is longer than `maxBytes`).
 *
 * Records as Docker writes them are recognised by their bytes; others (key order, spaces, time zones, no stream) are
 * parsed; what cannot be parsed is `bad`, but for whole records glued to it (a write torn by a crash).
 */
export function frameJsonFile(
  chunk: Buffer,
  handlers: JsonFileHandlers,
  maxBytes: number = maxRecordBytes,
): number {
  const end = chunk.lastIndexOf(10) + 1
  if (end === 0) return giveUpEndless(chunk, handlers, maxBytes)
  const text = chunk.toString('latin1', 0, end)
  const marks = openMarks(handlers.scan(text))
  const valid = isUtf8(chunk.subarray(0, end))
  const shape = openShape(chunk, text)
  const bad = openBad(handlers.bad)
  for (let at = 0; at < end;) {
    if (!shape.read(at)) {
      const line = text.slice(at, text.indexOf('\n', at) + 1)
      const suspect = marks.within(at, at + line.length)
      frameOdd({ chunk, line, at, handlers: { ...handlers, bad: bad.add }, suspect })
      at += line.length
      continue
    }
    bad.flush()
    const { stop, next } = shape
    const escaped = valid ? text.slice(at + 8, stop) : validLatin1(chunk, at + 8, stop)
    const suspect = marks.within(at, next)
    handlers.line(shape.stream, shape.time, escaped, shape.complete, suspect, at, next)
    at = next
  }
  bad.flush()
  return end
}

function giveUpEndless(chunk: Buffer, { bad }: JsonFileHandlers, maxBytes: number): number {
  if (chunk.length < maxBytes) return 0
  bad(0, chunk.length, `no newline within ${chunk.length} bytes`)
  return chunk.length
}

/** A reader of one record at a time; its fields hold what the last successful `read` found. */
interface Shape {
  /** False if there is no record at `at` in the form Docker writes. */
  read(at: number): boolean
  stream: Stream
  time: string
  complete: boolean
  /** Where the log text stops, before its newline. */
  stop: number
  /** Where the next record begins. */
  next: number
}

function openShape(chunk: Buffer, text: string): Shape {
  const string = { end: 0, newline: false, crlf: false }
  let second = ''
  let attrs = ''

  /** Behind `,"attrs":{…}`; 0 if there is something else. */
  function skipAttrs(at: number): number {
    if (attrs !== '' && text.startsWith(attrs, at)) return at + attrs.length
    const rest = text.slice(at, text.indexOf('\n', at))
    const length = rest.indexOf(`}${beforeTime}`) + 1
    if (length === 0 || !isJson(rest.slice(0, length))) return 0
    attrs = rest.slice(0, length)
    return at + length
  }

  function readTime(at: number): boolean {
    if (second !== '' && text.startsWith(second, at) && endsNineDigits(chunk, at + 20)) {
      shape.time = text.slice(at, at + 30)
      shape.next = at + 33
      return true
    }
    const close = text.indexOf('"', at)
    if (!text.startsWith('"}\n', close)) return false
    const time = widen(text.slice(at, close))
    if (!isTime(time)) return false
    second = time.slice(0, 20)
    shape.time = time
    shape.next = close + 3
    return true
  }

  const shape: Shape = {
    stream: 'stdout',
    time: '',
    complete: false,
    stop: 0,
    next: 0,
    read(at) {
      if (!text.startsWith(logKey, at) || !readString(chunk, at + 8, string)) return false
      const quote = string.end
      let time = quote + stdoutTime.length
      if (text.startsWith(stdoutTime, quote)) shape.stream = 'stdout'
      else if (text.startsWith(stderrTime, quote)) shape.stream = 'stderr'
      else {
        if (text.startsWith(stdoutAttrs, quote)) shape.stream = 'stdout'
        else if (text.startsWith(stderrAttrs, quote)) shape.stream = 'stderr'
        else return false
        const behind = skipAttrs(quote + stdoutAttrs.length - 1)
        if (behind === 0) return false
        time = behind + beforeTime.length
      }
      shape.complete = string.newline
      shape.stop = quote - (string.newline ? 2 : 0) - (string.crlf ? 2 : 0)
      return readTime(time)
    },
  }
  return shape
}

interface ReadString {
  /** Offset of the closing quote. */
  end: number
  newline: boolean
  crlf: boolean
}

/** 1 for the bytes that may not stand in a JSON string as they are. */
const special = new Uint8Array(256)
special.fill(1, 0, 0x20)
special[0x22] = 1
special[0x5c] = 1

/** Reads JSON string content from `from` to its closing quote; false if it is not valid (raw controls, bad escapes). */
function readString(bytes: Buffer, from: number, found: ReadString): boolean {
  let at = from
  let last = -1
  let before = -1
  for (;;) {
    while (special[bytes[at] as number] === 0) at++
    const byte = bytes[at] as number
    if (byte === 0x5c) {
      const length = escapeLength(bytes, at)
      if (length === 0) return false
      before = last
      last = at
      at += length
    } else if (byte === 0x22) break
    else return false
  }
  found.end = at
  found.newline = last >= from && last === at - 2 && bytes[at - 1] === 0x6e
  found.crlf = found.newline && before >= from && before === at - 4 && bytes[at - 3] === 0x72
  return true
}

const simpleEscapes = new Set(Array.from('"\\/bfnrt', (char) => char.charCodeAt(0)))

function escapeLength(bytes: Buffer, at: number): number {
  const code = bytes[at + 1] as number
  if (code === 0x22 || code === 0x6e || simpleEscapes.has(code)) return 2
  if (code !== 0x75) return 0
  return /^[0-9a-fA-F]{4}$/.test(bytes.toString('latin1', at + 2, at + 6)) ? 6 : 0
}

/** Are there nine digits and the end of a record? */
function endsNineDigits(bytes: Buffer, at: number): boolean {
  for (let digit = at; digit < at + 9; digit++) {
    const byte = bytes[digit] as number
    if (byte < 0x30 || byte > 0x39) return false
  }
  if (bytes[at + 9] !== 0x5a || bytes[at + 10] !== 0x22) return false
  return bytes[at + 11] === 0x7d && bytes[at + 12] === 0x0a
}

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/

function isTime(time: string): boolean {
  return isoTime.test(time) && !Number.isNaN(Date.parse(`${time.slice(0, 19)}Z`))
}

/** Docker trims the zeros of the fraction; anything else stays as it is (and is refused later). */
function widen(time: string): string {
  const match = /^(.{19})(?:\.(\d{1,9}))?Z$/.exec(time)
  return match ? `${match[1]}.${(match[2] ?? '').padEnd(9, '0')}Z` : time
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

interface Odd {
  chunk: Buffer
  /** The line with its newline, as latin1, and where it stands in the chunk. */
  line: string
  at: number
  handlers: JsonFileHandlers
  suspect: boolean
}

/** One line that is not in Docker's form: parsed as a whole, or else searched for whole records inside. */
function frameOdd(odd: Odd): void {
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

/** Joins neighbouring bad lines of one kind to one report, so that a file of garbage is told in few. */
function openBad(report: JsonFileHandlers['bad']): { add: JsonFileHandlers['bad']; flush(): void } {
  let pending: { begin: number; end: number; reason: string } | undefined
  const flush = () => {
    if (pending) report(pending.begin, pending.end, pending.reason)
    pending = undefined
  }
  return {
    add(begin, end, reason) {
      if (pending?.end === begin && pending.reason === reason) {
        pending.end = end
        return
      }
      flush()
      pending = { begin, end, reason }
    },
    flush,
  }
}

export interface PlainHandlers {
  scan: Scan
  /** As in {@link JsonFileHandlers}, without stream and time. */
  line(escaped: string, complete: boolean, suspect: boolean, begin: number, end: number): void
}

/** A text line is handed on in parts when this many bytes came without a newline. */
export const maxPlainPiece = 64 * 1024

/**
 * Frames the lines of a text file. Returns the bytes consumed: an unfinished line stays, to be given again with more,
 * unless it is longer than {@link maxPlainPiece} or `all` is set; then it is handed on as not complete.
 */
export function framePlain(chunk: Buffer, handlers: PlainHandlers, all = false): number {
  const end = plainEnd(chunk, all)
  const text = chunk.toString('latin1', 0, end)
  const marks = openMarks(handlers.scan(text))
  const valid = isUtf8(chunk.subarray(0, end))
  const clean = valid && !mustEscape.test(text)
  for (let at = 0; at < end;) {
    const newline = text.indexOf('\n', at)
    const stop = newline === -1 ? end : newline
    const next = newline === -1 ? end : newline + 1
    const raw = valid ? text.slice(at, stop) : validLatin1(chunk, at, stop)
    const escaped = clean || !mustEscape.test(raw) ? raw : JSON.stringify(raw).slice(1, -1)
    const complete = newline !== -1
    const suspect = marks.within(at, next)
    handlers.line(complete ? withoutReturn(escaped) : escaped, complete, suspect, at, next)
    at = next
  }
  return end
}

// oxlint-disable-next-line no-control-regex -- these bytes are what is looked for
const mustEscape = /["\\\x00-\x09\x0b-\x1f]/

function plainEnd(chunk: Buffer, all: boolean): number {
  if (all) return chunk.length
  const end = chunk.lastIndexOf(10) + 1
  return chunk.length - end < maxPlainPiece ? end : wholeCharacters(chunk)
}

/** The length of the chunk without a UTF-8 sequence that is not finished yet. */
function wholeCharacters(chunk: Buffer): number {
  for (let back = 1; back <= 3 && back < chunk.length; back++) {
    const byte = chunk[chunk.length - back] as number
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? chunk.length - back : chunk.length
  }
  return chunk.length
}
