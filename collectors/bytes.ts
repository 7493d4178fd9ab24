import { isUtf8 } from 'node:buffer'

/*
 * On the hot path text is carried as "latin1": one string character for each byte, so that UTF-8 passes through
 * without being decoded, and string positions are byte offsets.
 */

/** Finds places in latin1 text that may hold a secret: their positions, rising, or `every` line is to be looked at. */
export type Scan = (latin1: string) => readonly number[] | 'every'

/** Walks over the positions of a {@link Scan}; lines must be asked in rising order. */
export interface Marks {
  /** Is there a position in [begin, end)? */
  within(begin: number, end: number): boolean
}

export function openMarks(found: ReturnType<Scan>): Marks {
  if (found === 'every') return { within: () => true }
  let next = 0
  return {
    within(begin, end) {
      while (next < found.length && (found[next] as number) < begin) next++
      return next < found.length && (found[next] as number) < end
    },
  }
}

/** UTF-8 text as latin1. */
export function toLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** The text of latin1; what is not UTF-8 becomes U+FFFD. */
export function fromLatin1(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}

/** The bytes [begin, end) as latin1 that is valid UTF-8: what is not becomes U+FFFD. */
export function validLatin1(chunk: Buffer, begin: number, end: number): string {
  const bytes = chunk.subarray(begin, end)
  return isUtf8(bytes) ? bytes.toString('latin1') : toLatin1(bytes.toString('utf8'))
}

/** How many backslashes stand directly before `at`, not looking further back than `from`. */
export function backslashesBefore(text: string, at: number, from = 0): number {
  let first = at
  while (first > from && text.charCodeAt(first - 1) === 0x5c) first--
  return at - first
}

/** The JSON-escaped line without a carriage return at its end (`\r`, a real escape, not a backslash and an r). */
export function withoutReturn(escaped: string): string {
  const at = escaped.length - 2
  if (at < 0 || escaped.charCodeAt(at + 1) !== 0x72 || escaped.charCodeAt(at) !== 0x5c) {
    return escaped
  }
  return backslashesBefore(escaped, at) % 2 === 0 ? escaped.slice(0, at) : escaped
}

const isContinuation = (code: number) => (code & 0xc0) === 0x80

/**
 * The last place at or before `wanted` where JSON-escaped latin1 text may be cut: neither inside an escape, nor
 * between the halves of a surrogate pair, nor inside a UTF-8 sequence. At least 1.
 */
export function cutBefore(escaped: string, wanted: number): number {
  if (wanted >= escaped.length) return escaped.length
  let cut = outsideEscape(escaped, wanted)
  for (let back = 0; back < 3 && cut > 0 && isContinuation(escaped.charCodeAt(cut)); back++) cut--
  if (/^\\u[dD][c-fC-F]/.test(escaped.slice(cut, cut + 4))) {
    if (/\\u[dD][89abAB][0-9a-fA-F]{2}$/.test(escaped.slice(Math.max(0, cut - 6), cut))) cut -= 6
  }
  return cut > 0 ? cut : wanted
}

function outsideEscape(escaped: string, wanted: number): number {
  for (let at = wanted - 1; at >= Math.max(0, wanted - 5); at--) {
    if (escaped.charCodeAt(at) !== 0x5c) continue
    if (backslashesBefore(escaped, at) % 2 === 1) return wanted
    const length = escaped.charCodeAt(at + 1) === 0x75 ? 6 : 2
    return at + length > wanted ? at : wanted
  }
  return wanted
}
