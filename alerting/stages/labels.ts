import { Trouble } from '../../pipeline/errors.ts'

/** Label sets as Alertmanager knows them: no label with an empty value, in the order of the names' bytes. */
export type Labels = Readonly<Record<string, string>>

/** By name, in the order of code points, which is that of the UTF-8 bytes (a plain sort has UTF-16's). */
export function sortedLabels(labels: Labels): [string, string][] {
  return Object.entries(labels).toSorted(([a], [b]) => compareText(a, b))
}

/** Less than, equal or greater than zero as the UTF-8 bytes of `a` stand to those of `b`. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [one, other] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (one !== other) return rank(one) - rank(other)
  }
  return a.length - b.length
}

/** Surrogates stand for code points above all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/**
 * What came from outside as `path` (`labels`), checked: throws Trouble where a value is no text. Half a surrogate pair is no
 * character: it becomes the one that stands for what cannot be read, as in Go.
 */
export function readLabels(labels: Readonly<Record<string, unknown>>, path: string): Labels {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => {
      if (name === '') throw new Trouble(`${path}: a name is empty`)
      if (typeof value !== 'string') throw new Trouble(`${path}.${name}: must be a text`)
      return [name.toWellFormed(), value.toWellFormed()]
    }),
  )
}

/** Labels with an empty value are the same as none. */
export function withoutEmpty(labels: Labels): Labels {
  const kept = Object.entries(labels).filter(([, value]) => value !== '')
  return Object.fromEntries(kept)
}

/** The value of a label, empty where it is missing. */
export function labelOf(labels: Labels, name: string): string {
  return Object.hasOwn(labels, name) ? (labels[name] ?? '') : ''
}

/** `{alertname="X", host="a"}`, as it stands in group keys. */
export function labelsText(labels: Labels): string {
  const parts = sortedLabels(labels).map(([name, value]) => `${name}=${goQuoted(value)}`)
  return `{${parts.join(', ')}}`
}

const named: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
}

/** In double quotes, with Go's escapes: what cannot be printed is told by its number. */
export function goQuoted(text: string): string {
  const escaped = text.replace(
    /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu,
    (sign) => named[sign] ?? byNumber(sign.codePointAt(0) ?? 0),
  )
  return `"${escaped}"`
}

function byNumber(code: number): string {
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`
  return `\\U${code.toString(16).padStart(8, '0')}`
}

const encoder = new TextEncoder()
const separator = 0xff
/** FNV's 64-bit prime is 2^40 + this. */
const primeLow = 0x1b3

/**
 * The fingerprint of a label set: FNV-1a, 64 bits, over the names and values in order, each closed by the byte 255; 16 hex
 * digits. It is calculated in two halves of 32 bits: BigInt would be ten times slower.
 */
export function fingerprint(labels: Labels): string {
  let high = 0xcbf29ce4
  let low = 0x84222325
  const add = (byte: number) => {
    low = (low ^ byte) >>> 0
    const product = low * primeLow
    const carry = Math.floor(product / 0x100000000)
    high = (high * primeLow + carry + low * 0x100) % 0x100000000
    low = product % 0x100000000
  }
  for (const pair of sortedLabels(labels)) {
    for (const text of pair) {
      for (const byte of encoder.encode(text)) add(byte)
      add(separator)
    }
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
}
