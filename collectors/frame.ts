import { isUtf8 } from 'node:buffer'
import type { Stream } from '../pipeline/event.ts'
import { openMarks, validLatin1, withoutReturn, type Scan } from './bytes.ts'
import { frameOdd } from './json-file-odd.ts'
import { logKey, openShape } from './json-file-shape.ts'

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
  const end = nextRecord(chunk)
  const isNul = chunk.subarray(0, end).equals(Buffer.alloc(end))
  bad(0, end, isNul ? 'NUL bytes' : `no newline within ${chunk.length} bytes`)
  return end
}

/** Where a record may begin that is glued to what is given up: it is given again, with its end. */
function nextRecord(chunk: Buffer): number {
  const whole = chunk.lastIndexOf(logKey, undefined, 'latin1')
  if (whole > 0) return whole
  for (let length = logKey.length - 1; length > 0; length--) {
    const at = chunk.length - length
    if (chunk.toString('latin1', at) === logKey.slice(0, length)) return at
  }
  return chunk.length
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
 * unless it is longer than `maxPiece` or `all` is set; then it is handed on as not complete.
 */
export function framePlain(
  chunk: Buffer,
  handlers: PlainHandlers,
  all = false,
  maxPiece: number = maxPlainPiece,
): number {
  const end = all ? chunk.length : plainEnd(chunk, maxPiece)
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

function plainEnd(chunk: Buffer, maxPiece: number): number {
  const end = chunk.lastIndexOf(10) + 1
  return chunk.length - end < maxPiece ? end : wholeCharacters(chunk)
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
