/** Matchers on labels: `name="value"` with `=`, `!=`, `=~`, `!~`. Regular expressions are RE2, anchored at both ends. */
import { RE2JS } from 're2js'
import { Trouble } from '../../pipeline/errors.ts'
import type { Operator } from '../../pipeline/matcher-operator.ts'
import { goQuoted, labelOf, type Labels, compareText } from './labels.ts'

/** Plain data: what is kept of a matcher over a restart. */
export interface MatcherText {
  name: string
  op: Operator
  value: string
}

export interface Matcher extends MatcherText {
  /** Of a label's value; a missing label has the empty one. */
  test(value: string): boolean
}

/** Throws Trouble where the value is no regular expression of RE2. */
export function matcher({ name, op, value }: MatcherText): Matcher {
  return { name, op, value, test: tester(op, value) }
}

function tester(op: Operator, value: string): (text: string) => boolean {
  if (op === '=') return (text) => text === value
  if (op === '!=') return (text) => text !== value
  const pattern = anchored(value)
  return op === '=~' ? (text) => pattern.test(text) : (text) => !pattern.test(text)
}

function anchored(value: string): RE2JS {
  try {
    return RE2JS.compile(`^(?:${value})$`)
  } catch (error) {
    throw new Trouble((error as Error).message)
  }
}

/** True where all match; of no matchers, too. */
export function matchesAll(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every(({ name, test }) => test(labelOf(labels, name)))
}

/** `{a="b",c=~"d.*"}`: sorted, as it stands in the keys of routes. */
export function matchersText(matchers: readonly MatcherText[]): string {
  const sorted = matchers.toSorted(
    (a, b) =>
      compareText(a.name, b.name) || compareText(a.value, b.value) || rank(a.op) - rank(b.op),
  )
  return `{${sorted.map(matcherText).join(',')}}`
}

const operators: readonly Operator[] = ['=', '!=', '=~', '!~']
const rank = (op: Operator) => operators.indexOf(op)

/** Go's white space (`unicode.IsSpace`), which is not that of `\s`. */
const space = String.raw`\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`
const spaces = new RegExp(`[${space}]`)
const reserved = new RegExp(`[${space}{}!=~,\\\\"'\`]`)

export function isSpace(sign: string): boolean {
  return spaces.test(sign)
}

/** Whether a text has a sign that no bare word of the UTF-8 grammar has. */
export function hasReserved(text: string): boolean {
  return reserved.test(text)
}

/** A name that is no bare word stands in quotes, and then the value has Go's escapes too. */
export function matcherText({ name, op, value }: MatcherText): string {
  if (hasReserved(name)) return `${goQuoted(name)}${op}${goQuoted(value)}`
  return `${name}${op}"${value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`
}
