import { Trouble } from '../../pipeline/errors.ts'
import { flagsOf } from '../../pipeline/matcher-operator.ts'
import type { ReadMatcher } from '../../pipeline/notification-desk.ts'
import { matcher, type MatcherText } from './matcher.ts'
import { parseClassicMatcher } from './matchers.ts'
import { parseUtf8Matchers } from './matchers-utf8.ts'

/**
 * The one matcher of a filter, as Alertmanager's API and amtool read it: no braces around it, in the classic grammar wherever
 * that takes the text, else in the UTF-8 one. Throws Trouble.
 */
export function parseFilter(text: string): ReadMatcher {
  const { name, op, value, test } = matcher(readFilter(text))
  return { name, value, ...flagsOf(op), test }
}

function readFilter(text: string): MatcherText {
  if (text.startsWith('{') || text.endsWith('}')) {
    throw new Trouble(`unexpected open or close brace: ${text}`)
  }
  try {
    return parseClassicMatcher(text)
  } catch (classic) {
    const [only, ...others] = inUtf8(text)
    if (!only || others.length > 0) throw classic
    return only
  }
}

function inUtf8(text: string): MatcherText[] {
  try {
    return parseUtf8Matchers(text)
  } catch {
    return []
  }
}
