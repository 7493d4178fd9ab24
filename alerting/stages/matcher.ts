/** Matchers on labels: `name="value"` with `=`, `!=`, `=~`, `!~`. Regular expressions are RE2, anchored at both ends. */
import { RE2JS } from 're2js'
import { Trouble } from '../../pipeline/errors.ts'
import { goQuoted, labelOf, type Labels, compareText } from './labels.ts'

export type Operator = '=' | '!=' | '=~' | '!~'

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

/** A name that is no plain word stands in quotes. */
export function matcherText({ name, op, value }: MatcherText): string {
  const plain = !/[\s{}!=~,\\"'`]/u.test(name)
  const escaped = value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')
  return `${plain ? name : goQuoted(name)}${op}"${escaped}"`
}
