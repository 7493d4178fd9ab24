import { isUtf8 } from 'node:buffer'
import { nsToIso, type Stream } from '../pipeline/event.ts'

/** A piece of what a container printed, as it becomes one record of a json-file log. */
export interface Piece {
  stream: Stream
  /** The bytes, without the newline that ended the line. */
  bytes: Uint8Array
  /** True if the line ends here; false for a part of a long line, or for the rest at the end of the stream. */
  ended: boolean
  /** When it was read, nanoseconds since the epoch. */
  timeNs: bigint
}

/**
 * One record as Docker's json-file driver writes it, with its newline.
 *
 * @example
 * {"log":"GET /cart 200\n","stream":"stdout","time":"2026-11-22T18:29:24.345786199Z"}
 */
export function jsonFileRecord({ stream, bytes, ended, timeNs }: Piece): string {
  const newline = ended ? '\\n' : ''
  return `{"log":"${escapeBytes(bytes)}${newline}","stream":"${stream}","time":"${trimmedTime(timeNs)}"}\n`
}

/** The time as Go's RFC3339Nano prints it: no trailing zeros, no point before nothing. */
export function trimmedTime(ns: bigint): string {
  return nsToIso(ns).replace(/\.?0+Z$/, 'Z')
}

const needsEscape = /["\\<>&\u0000-\u001f\u2028\u2029]/g // oxlint-disable-line no-control-regex

/** Bytes inside a JSON string as Docker escapes them: HTML-safe, each byte that is no UTF-8 as `\ufffd`. */
export function escapeBytes(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return escapeText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  const runs: string[] = []
  for (let at = 0; at < bytes.length;) {
    const end = validUntil(bytes, at)
    if (end > at) runs.push(escapeText(Buffer.from(bytes.subarray(at, end))))
    if (end < bytes.length) runs.push('\\ufffd')
    at = end + 1
  }
  return runs.join('')
}

function escapeText(utf8: Buffer): string {
  return utf8.toString('utf8').replace(needsEscape, escapeCharacter)
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  if (character === '\n') return '\\n'
  if (character === '\r') return '\\r'
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Where the first byte at or behind `from` stands that begins no whole UTF-8 character. */
function validUntil(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length) {
    const length = characterLength(bytes[at] as number)
    if (length === 0 || at + length > bytes.length) return at
    if (length > 1 && !isUtf8(bytes.subarray(at, at + length))) return at
    at += length
  }
  return at
}

/** How many bytes a UTF-8 character has that begins with `lead`; 0 if none begins so. */
function characterLength(lead: number): number {
  if (lead < 0x80) return 1
  if (lead < 0xc2) return 0
  if (lead < 0xe0) return 2
  if (lead < 0xf0) return 3
  return lead < 0xf5 ? 4 : 0
}
