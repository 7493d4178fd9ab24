/** The UTF-8 grammar of matchers: any label name; what is not a plain word stands in double quotes, with Go's escapes. */
import { Trouble } from '../../pipeline/errors.ts'
import type { Operator } from '../../pipeline/matcher-operator.ts'
import { hasReserved, isSpace, matcher, type MatcherText } from './matcher.ts'
import { unquoteGo } from './unquote.ts'

type Kind = 'word' | 'quoted' | '{' | '}' | ',' | Operator | 'end'

interface Token {
  kind: Kind
  text: string
  /** In characters from 0: where it begins, and the first after it. */
  start: number
  end: number
}

const punctuation: ReadonlySet<string> = new Set(['{', '}', ','])
const operators: ReadonlySet<Kind> = new Set<Kind>(['=', '!=', '=~', '!~'])
const names: ReadonlySet<Kind> = new Set<Kind>(['word', 'quoted'])

/** Throws Trouble that begins with the place, `start:end` in characters. */
export function parseUtf8Matchers(text: string): MatcherText[] {
  const signs = Array.from(text)
  const cursor: Cursor = { signs, token: scan(signs, 0), end: 0 }
  const matchers: MatcherText[] = []
  if (cursor.token().kind === 'end') return matchers
  const braced = cursor.token().kind === '{'
  if (braced) take(cursor)
  const closes = braced && cursor.token().kind === 'end'
  if (!closes && cursor.token().kind !== '}') readMatchers(cursor, matchers)
  close(cursor, braced)
  const rest = guarded(cursor.token, 'expected end of input')
  if (rest.kind !== 'end') throw at(rest, `${rest.text}: expected end of input`)
  return matchers
}

interface Cursor {
  signs: readonly string[]
  /** The next token; throws where the input is none. */
  token: () => Token
  /** Where the last one taken ended. */
  end: number
}

function take(cursor: Cursor): Token {
  const token = cursor.token()
  cursor.end = token.end
  cursor.token = scan(cursor.signs, token.end)
  return token
}

function readMatchers(cursor: Cursor, matchers: MatcherText[]): void {
  for (;;) {
    matchers.push(readMatcher(cursor))
    const next = guarded(cursor.token, 'expected a comma or close brace')
    if (next.kind === 'end' || next.kind === '}') return
    if (next.kind !== ',') throw unexpected(next, 'expected a comma or close brace')
    take(cursor)
    const after = 'expected a matcher or close brace after comma'
    const following = guarded(cursor.token, after)
    if (following.kind === 'end' || following.kind === '}') return
    if (!names.has(following.kind)) throw unexpected(following, after)
  }
}

function readMatcher(cursor: Cursor): MatcherText {
  const name = unquoted(expect(cursor, names, 'expected label name'))
  const op = expect(cursor, operators, `expected an operator such as '=', '!=', '=~' or '!~'`)
  const value = unquoted(expect(cursor, names, 'expected label value'))
  const read = { name, op: op.kind as Operator, value }
  try {
    matcher(read)
  } catch (error) {
    throw new Trouble(`failed to create matcher: ${(error as Error).message}`)
  }
  return read
}

function expect(cursor: Cursor, kinds: ReadonlySet<Kind>, what: string): Token {
  const token = guarded(cursor.token, what)
  if (!kinds.has(token.kind)) throw unexpected(token, what)
  return take(cursor)
}

function close(cursor: Cursor, braced: boolean): void {
  const closing = cursor.token().kind === '}'
  if (closing) take(cursor)
  if (closing && !braced) throw new Trouble(`0:${cursor.end}: }: expected opening brace`)
  if (!closing && braced) {
    throw new Trouble(`0:${cursor.end}: end of input: expected close brace`)
  }
}

function unquoted(token: Token): string {
  const text = token.kind === 'quoted' ? unquoteGo(token.text) : token.text
  if (text === undefined) throw at(token, `${token.text}: invalid input`)
  return text
}

function unexpected(token: Token, what: string): Trouble {
  if (token.kind === 'end') return new Trouble(`end of input: ${what}`)
  return at(token, `unexpected ${token.text}: ${what}`)
}

/** What the scanner refuses is told with what should have stood there. */
function guarded(read: () => Token, what: string): Token {
  try {
    return read()
  } catch (error) {
    throw new Trouble(`${(error as Error).message}: ${what}`)
  }
}

function at({ start, end }: Pick<Token, 'start' | 'end'>, sentence: string): Trouble {
  return new Trouble(`${start}:${end}: ${sentence}`)
}

/** Reads the token behind `from` when first asked. */
function scan(signs: readonly string[], from: number): () => Token {
  let token: Token | undefined
  return () => (token ??= nextToken(signs, from))
}

function nextToken(signs: readonly string[], from: number): Token {
  let start = from
  while (start < signs.length && isSpace(signs[start] ?? '')) start++
  const token = (kind: Kind, end: number): Token => ({
    kind,
    text: signs.slice(start, end).join(''),
    start,
    end,
  })
  const sign = signs[start]
  if (sign === undefined) return token('end', start)
  if (punctuation.has(sign)) return token(sign as Kind, start + 1)
  if (sign === '=') return signs[start + 1] === '~' ? token('=~', start + 2) : token('=', start + 1)
  if (sign === '!') return token(`!${negated(signs, start)}`, start + 2)
  if (sign === '"') return token('quoted', endOfQuoted(signs, start))
  if (hasReserved(sign)) throw at({ start, end: start + 1 }, `${sign}: invalid input`)
  return token('word', endOfWord(signs, start))
}

function negated(signs: readonly string[], start: number): '=' | '~' {
  const sign = signs[start + 1]
  if (sign === '=' || sign === '~') return sign
  const found = sign === undefined ? 'unexpected end of input,' : '!:'
  throw at({ start, end: start + 1 }, `${found} expected one of '=~'`)
}

function endOfQuoted(signs: readonly string[], start: number): number {
  for (let i = start + 1; i < signs.length; i++) {
    if (signs[i] === '\\') i++
    else if (signs[i] === '"') return i + 1
  }
  throw at({ start, end: signs.length }, `${signs.slice(start).join('')}: missing end "`)
}

function endOfWord(signs: readonly string[], start: number): number {
  let end = start
  while (end < signs.length && !hasReserved(signs[end] ?? '')) end++
  return end
}
