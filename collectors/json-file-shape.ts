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
