import { parseFilter } from '../alerting/stages/filter.ts'
import { matchersText, type Matcher } from '../alerting/stages/matcher.ts'
import { parseMatchers } from '../alerting/stages/matchers.ts'
import { explain, Trouble } from '../pipeline/errors.ts'
import { flagsOf, operatorOf } from '../pipeline/matcher-operator.ts'
import type { DeskMatcher } from '../pipeline/notification-desk.ts'
import { misuse } from './report.ts'

/**
 * The matchers of a command's words, as amtool reads them: `service=/web`, `alertname=~"A.*"`, and a first word that is no
 * matcher is an alert's name. Beyond amtool a word may be `{a="b",c="d"}`, as the page and messages write it. Throws Trouble
 * that names the word.
 */
export function readMatchers(words: readonly string[]): DeskMatcher[] {
  return words.flatMap((word, i) => {
    try {
      return word.startsWith('{') ? severalOf(word) : [plain(parseFilter(word))]
    } catch (error) {
      if (i === 0 && isBareName(word)) return [equal('alertname', word)]
      const shown = word.slice(0, 100)
      throw misuse(`"${shown}" is no matcher (${explain(error)})`, 'write service=/web')
    }
  })
}

function severalOf(word: string): DeskMatcher[] {
  const matchers = parseMatchers(word).map(asked)
  if (matchers.length > 0) return matchers
  throw new Trouble('it is empty')
}

/** The matchers that take an alert with exactly these labels. */
export function exactMatchers(labels: Readonly<Record<string, string>>): DeskMatcher[] {
  return Object.entries(labels).map(([name, value]) => equal(name, value))
}

/** `{alertname="A",service=~"/web.*"}` */
export function textOf(matchers: readonly DeskMatcher[]): string {
  return matchersText(
    matchers.map(({ name, value, ...flags }) => ({ name, value, op: operatorOf(flags) })),
  )
}

const equal = (name: string, value: string): DeskMatcher => ({
  name,
  value,
  ...flagsOf('='),
})

/** A word with an operator, or a part of one, was meant to be a matcher. */
const isBareName = (word: string) => !/[=~!{}"]/.test(word)

const asked = ({ name, value, op }: Matcher): DeskMatcher => ({
  name,
  value,
  ...flagsOf(op),
})

const plain = ({ name, value, isRegex, isEqual }: DeskMatcher): DeskMatcher => ({
  name,
  value,
  isRegex,
  isEqual,
})
