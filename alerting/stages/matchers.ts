/** Matchers from text, in one of Alertmanager's two grammars, or as its configuration reads them: both tried. */
import { Trouble } from '../../pipeline/errors.ts'
import type { Operator } from '../../pipeline/matcher-operator.ts'
import { isSpace, matcher, type Matcher, type MatcherText } from './matcher.ts'
import { parseUtf8Matchers } from './matchers-utf8.ts'

/**
 * As Alertmanager's configuration and API read it: in the classic grammar wherever that takes the text, else
 * in the UTF-8 one. Throws Trouble.
 */
export function parseMatchers(text: string): Matcher[] {
  return readMatchers(text).map(matcher)
}

/** Where both take the text, they read the same or the classic one counts: so that is asked first. */
function readMatchers(text: string): MatcherText[] {
  try {
    return parseClassicMatchers(text)
  } catch (classic) {
    try {
      return parseUtf8Matchers(text)
    } catch {
      throw classic
    }
  }
}

/** The grammar before UTF-8 names: commas outside quotes part the matchers; braces and quotes may be left out. Throws Trouble. */
export function parseClassicMatchers(text: string): MatcherText[] {
  const inner = text.replace(/^\{/, '').replace(/\}$/, '')
  return classicParts(inner).map(parseClassicMatcher)
}

function classicParts(text: string): string[] {
  const parts: string[] = []
  let start = 0
  let quoted = false
  let escaped = false
  for (let i = 0; i < text.length; i++) {
    const sign = text[i]
    if (sign === ',' && !quoted) {
      parts.push(text.slice(start, i))
      start = i + 1
    } else if (sign === '\\') {
      escaped = !escaped
    } else {
      if (sign === '"' && !escaped) quoted = !quoted
      // A comma in quotes leaves the escape pending: the original does so.
      if (sign !== ',') escaped = false
    }
  }
  const rest = trimmed(text.slice(start))
  return rest === '' ? parts : [...parts, rest]
}

/** Without Go's white space at both ends. */
function trimmed(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isSpace(text.charAt(start))) start++
  while (end > start && isSpace(text.charAt(end - 1))) end--
  return text.slice(start, end)
}

const classicMatcher =
  /^[\t\n\f\r ]*([a-zA-Z_:][\w:]*)[\t\n\f\r ]*(=~|=|!=|!~)[\t\n\f\r ]*(.*?)[\t\n\f\r ]*$/s

/** One matcher of the classic grammar; what follows its value up to the end belongs to it. Throws Trouble. */
export function parseClassicMatcher(text: string): MatcherText {
  const [, name, op, raw] = classicMatcher.exec(text) ?? []
  if (name === undefined || op === undefined || raw === undefined) {
    throw new Trouble(`bad matcher format: ${text}`)
  }
  const read = { name, op: op as Operator, value: classicValue(raw) }
  matcher(read)
  return read
}

function classicValue(raw: string): string {
  const quoted = raw.startsWith('"')
  const text = quoted ? raw.slice(1) : raw
  let value = ''
  let closed = !quoted
  for (let i = 0; i < text.length; i++) {
    const sign = text.charAt(i)
    const last = i === text.length - 1
    if (sign === '\\' && !last) value += classicEscape(text.charAt(++i))
    else if (sign !== '"') value += sign
    else if (quoted && last) closed = true
    else throw unescapedQuote(raw)
  }
  if (!closed) throw unescapedQuote(raw)
  return value
}

/** Other escapes than these stay as they are. */
function classicEscape(sign: string): string {
  if (sign === 'n') return '\n'
  return sign === '"' || sign === '\\' ? sign : `\\${sign}`
}

function unescapedQuote(raw: string): Trouble {
  return new Trouble(`matcher value contains unescaped double quote: ${raw}`)
}
