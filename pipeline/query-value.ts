import { Trouble } from './errors.ts'
import type { LiqeQuery } from 'liqe'
import { RE2JS } from 're2js'
import { parsePattern } from './pattern.ts'

export type Tag = Extract<LiqeQuery, { type: 'Tag' }>

/** What one value of a query asks of a text, a name or any other field; see `query.ts`. */
export interface ValueTest {
  /** On a message. */
  text(text: string): boolean
  /** On a field whose value is a name. */
  exact(value: unknown): boolean
  /** On any other field. */
  value(value: unknown): boolean
  /** ASCII words, lower case, of every message it matches. */
  words: string[]
  /** Likewise of every message that is an object with a field it matches. */
  fieldWords: string[]
  /** The names it matches, where these are known. */
  only: string[] | undefined
}

export function valueTest({ expression, operator }: Tag, text: string): ValueTest {
  if (expression.type === 'RangeExpression') {
    const { min, max, minInclusive, maxInclusive } = expression.range
    return numberTest(
      (n) => (minInclusive ? n >= min : n > min) && (maxInclusive ? n <= max : n < max),
    )
  }
  if (expression.type === 'RegexExpression') return regexTest(expression.value)
  if (expression.type === 'EmptyExpression') throw noValue(text, expression.location.start)
  const comparison = operator?.operator
  if (comparison && comparison !== ':' && comparison !== ':=') {
    const bound = Number(expression.value)
    if (Number.isNaN(bound)) throw noValue(text, expression.location.start)
    return comparisonTest(comparison, bound)
  }
  return literalTest(asWritten(expression, text), expression.quoted)
}

const noWords = { words: [], fieldWords: [], only: undefined }

/** A number as it stands in the query: `version:1.10` is not 1.1. The parser tells where it starts, not where it ends. */
export function asWritten(
  { value, location }: Extract<Tag['expression'], { type: 'LiteralExpression' }>,
  text: string,
): string {
  if (typeof value !== 'number') return String(value)
  return /^[-\d.]+/.exec(text.slice(location.start))?.[0] ?? String(value)
}

/** Without a value a test would hold for every line: what was left out must not become "anything". */
function noValue(text: string, at: number): Trouble {
  return new Trouble(
    `cannot read the query at character ${at + 1}: no value to compare with: ${text}`,
    {
      remedy:
        'write one behind the colon or the comparison, a number behind < and >; field:* asks for any',
    },
  )
}

function numberTest(test: (n: number) => boolean): ValueTest {
  const onValue = (value: unknown) =>
    (typeof value === 'number' || (typeof value === 'string' && value.trim() !== '')) &&
    test(Number(value))
  return { text: () => false, exact: onValue, value: onValue, ...noWords }
}

function comparisonTest(operator: string, bound: number): ValueTest {
  const tests: Record<string, (n: number) => boolean> = {
    ':>': (n) => n > bound,
    ':>=': (n) => n >= bound,
    ':<': (n) => n < bound,
    ':<=': (n) => n <= bound,
  }
  return numberTest(tests[operator] ?? (() => false))
}

function regexTest(literal: string): ValueTest {
  const end = literal.lastIndexOf('/')
  const flags = literal.slice(end + 1)
  const pattern = parsePattern(`${flags.includes('i') ? '(?i)' : ''}${literal.slice(1, end)}`)
  const onValue = (value: unknown) => isScalar(value) && pattern.test(String(value))
  return { text: (text) => pattern.test(text), exact: onValue, value: onValue, ...noWords }
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

export const wildcards = /[*?]/

function literalTest(literal: string, quoted: boolean): ValueTest {
  const pattern = !quoted && wildcards.test(literal)
  if (pattern && /^\*+$/.test(literal)) {
    const there = (value: unknown) => value !== undefined && value !== null && value !== ''
    return { text: () => true, exact: there, value: there, ...noWords }
  }
  const name = pattern
    ? RE2JS.compile(`(?s)^${wildcardSource(literal, '.')}$`)
    : { test: (text: string) => text === literal }
  const phrase = phrasePattern(literal, pattern)
  const number = literal.trim() === '' ? Number.NaN : Number(literal)
  const words = pattern ? [] : asciiWords(literal)
  return {
    text: (text) => phrase.test(text),
    exact: (value) => isScalar(value) && name.test(String(value)),
    value: (value) => {
      if (typeof value === 'number') return value === number
      return isScalar(value) && (name.test(String(value)) || phrase.test(String(value)))
    },
    words,
    // A number may be written in several ways; integers are not, in practice.
    fieldWords: Number.isNaN(number) || isPlainInteger(literal) ? words : [],
    only: pattern ? undefined : [literal],
  }
}

function isPlainInteger(literal: string): boolean {
  return /^(?:0|[1-9]\d{0,14})$/.test(literal)
}

/** The literal's words, one after the other, with anything but letters and digits between them. */
function phrasePattern(literal: string, pattern: boolean): { test(text: string): boolean } {
  const wordOf = pattern ? /[\p{L}\p{N}*?]+/gu : /[\p{L}\p{N}]+/gu
  const words = literal.match(wordOf) ?? []
  if (words.length === 0) return { test: (text) => text.includes(literal) }
  if (!pattern) {
    return new RegExp(
      `(?<![\\p{L}\\p{N}])${words.join('[^\\p{L}\\p{N}]+')}(?![\\p{L}\\p{N}])`,
      'iu',
    )
  }
  // With wildcards a backtracking engine could be made to hang by a hostile line: RE2 is linear.
  const sources = words.map((word) => wildcardSource(word, '[\\p{L}\\p{N}]'))
  const other = '[^\\p{L}\\p{N}]'
  return RE2JS.compile(`(?i)(?:^|${other})${sources.join(`${other}+`)}(?:$|${other})`)
}

function wildcardSource(text: string, one: string): string {
  return text
    .split(/([*?])/)
    .map((part) => (part === '*' ? `${one}*` : part === '?' ? one : escapeRegex(part)))
    .join('')
}

function escapeRegex(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

/** Only ASCII: there full-text indexes and this module agree on what a word is and on its lower case. */
function asciiWords(literal: string): string[] {
  const words = literal.match(/[\p{L}\p{N}]+/gu) ?? []
  return words.filter((word) => /^[\x21-\x7e]+$/.test(word)).map((word) => word.toLowerCase())
}
