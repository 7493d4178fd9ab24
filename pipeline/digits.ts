/*
 * Numbers as short text that JSON carries unescaped: characters of base64url. There is one text for a number, so what is
 * read and written again is the same text.
 */

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const codes = Uint8Array.from(alphabet, (digit) => digit.charCodeAt(0))

/** No digit. */
const none = 64

/** By character code. */
const digits = new Uint8Array(128).fill(none)
for (const [digit, code] of codes.entries()) digits[code] = digit

/** A text that grows: bytes make one that is flat, and many times faster than strings that are joined. */
export interface DigitWriter {
  bytes: Buffer
  at: number
}

/** For a text of at most so many digits. */
export function openWriter(maxDigits: number): DigitWriter {
  return { bytes: Buffer.allocUnsafe(maxDigits), at: 0 }
}

export const writtenBy = ({ bytes, at }: DigitWriter): string => bytes.toString('latin1', 0, at)

/** Appends the digit of a number below 64. */
export function writeDigit(to: DigitWriter, value: number): void {
  to.bytes[to.at++] = codes[value] as number
}

/**
 * The number below 64 whose character stands at a place of a text. Throws a TypeError where there is none, also behind
 * the end.
 */
export function digitAt(text: string, at: number): number {
  // Not a number behind the end, and then undefined.
  const digit = digits[text.charCodeAt(at)] ?? none
  if (digit === none) throw new TypeError(unreadable(text, at))
  return digit
}

function unreadable(text: string, at: number): string {
  if (at >= text.length) return `the text ends within a number, after ${text.length} characters`
  return `${JSON.stringify(text[at])} at ${at} is no digit of base64url`
}

/** Says that more digits follow; five bits of the number are left in each. */
const more = 32

/** Appends a safe integer ≥ 0, least significant digit first. Small ones are short: below 32 one character, below 1,024 two. */
export function writeNumber(to: DigitWriter, value: number): void {
  let rest = value
  while (rest >= more) {
    writeDigit(to, (rest % more) + more)
    rest = Math.floor(rest / more)
  }
  writeDigit(to, rest)
}

/** A text and the place in it from which on it is not read yet. */
export interface NumberReader {
  text: string
  at: number
}

/** Reads what {@link writeNumber} wrote, and steps behind it. Throws a TypeError that names the place where it cannot. */
export function readNumber(from: NumberReader): number {
  const start = from.at
  let value = 0
  let scale = 1
  let digit = digitAt(from.text, from.at++)
  while (digit >= more) {
    value += (digit - more) * scale
    scale *= more
    if (scale > Number.MAX_SAFE_INTEGER) throw new TypeError(`the number at ${start} is too large`)
    digit = digitAt(from.text, from.at++)
  }
  value += digit * scale
  if (!Number.isSafeInteger(value)) throw new TypeError(`the number at ${start} is too large`)
  if (digit === 0 && scale > 1) throw new TypeError(`the number at ${start} has a leading zero`)
  return value
}
