import type { Stream } from '../pipeline/event.ts'

/** How a record begins. */
export const logKey = '{"log":"'
const stdoutTime = '","stream":"stdout","time":"'
const stderrTime = '","stream":"stderr","time":"'
const stdoutAttrs = '","stream":"stdout","attrs":{'
const stderrAttrs = '","stream":"stderr","attrs":{'
const beforeTime = ',"time":"'

/** A reader of one record at a time; its fields hold what the last successful `read` found. */
export interface Shape {
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

export function openShape(chunk: Buffer, text: string): Shape {
  const string = { end: 0, newline: false, crlf: false }
  const readString = openStringReader(chunk, text)
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
      if (!text.startsWith(logKey, at) || !readString(at + 8, string)) return false
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

/** What may not stand in the text of a JSON string: a control character (newlines end records), an escape that is none. */
// oxlint-disable-next-line no-control-regex -- these bytes are what is looked for
const invalid = /[\x00-\x09\x0b-\x1f]|\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})/

/**
 * A reader of JSON string content from an offset to its closing quote; false if it is not valid (raw controls, bad escapes). Most
 * chunks are valid throughout, which one pass over them tells; then only quotes have to be looked for.
 */
function openStringReader(bytes: Buffer, text: string) {
  const isValid = !invalid.test(text)

  return (from: number, found: ReadString): boolean => {
    const end = isValid ? closingQuote(text, from) : checkedQuote(bytes, from)
    if (end === -1) return false
    found.end = end
    found.newline = endsInEscape(text, from, end, 0x6e)
    found.crlf = found.newline && endsInEscape(text, from, end - 2, 0x72)
    return true
  }
}

/** The first quote that no backslash escapes; -1 if the record ends before. */
function closingQuote(text: string, from: number): number {
  let end = text.indexOf('"', from)
  while (end > from && text.charCodeAt(end - 1) === 0x5c && isEscaped(text, from, end)) {
    end = text.indexOf('"', end + 1)
  }
  // A newline is rare, and only a torn record has one before its quote.
  return end !== -1 && text.indexOf('\n', from) > end ? end : -1
}

/** Is what stands at `at` escaped: by an odd number of backslashes? */
function isEscaped(text: string, from: number, at: number): boolean {
  let first = at
  while (first > from && text.charCodeAt(first - 1) === 0x5c) first--
  return (at - first) % 2 === 1
}

function endsInEscape(text: string, from: number, end: number, code: number): boolean {
  return (
    end - 2 >= from &&
    text.charCodeAt(end - 1) === code &&
    text.charCodeAt(end - 2) === 0x5c &&
    isEscaped(text, from, end - 1)
  )
}

/** 1 for the bytes that may not stand in a JSON string as they are. */
const special = new Uint8Array(256)
special.fill(1, 0, 0x20)
special[0x22] = 1
special[0x5c] = 1

/** The closing quote of content that is looked at byte by byte; -1 if it is not valid. */
function checkedQuote(bytes: Buffer, from: number): number {
  for (let at = from; ;) {
    while (special[bytes[at] as number] === 0) at++
    const byte = bytes[at] as number
    if (byte === 0x22) return at
    const length = byte === 0x5c ? escapeLength(bytes, at) : 0
    if (length === 0) return -1
    at += length
  }
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
