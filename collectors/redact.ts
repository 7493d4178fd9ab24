import { RE2JS } from 're2js'
import { Trouble } from '../pipeline/errors.ts'
import { backslashesBefore, fromLatin1, toLatin1, type Scan } from './bytes.ts'

export interface RedactorOptions {
  enabled: boolean
  /**
   * The user's own patterns (RE2 syntax, linear time), matched on the decoded text; what matches is replaced, or its
   * groups if it has any. With one of them every line has to be looked at: that costs about 10 µs a line.
   */
  patterns: readonly string[]
}

export interface Redactor {
  /** Where in a chunk a secret may be; one quick pass, so that most lines are never looked at again. */
  scan: Scan
  /** The JSON-escaped latin1 text without secrets, still well escaped; the same string if there is none. */
  redact(escaped: string): string
  /** How many texts were changed so far. */
  count(): number
}

const mark = '[redacted]'

/** Throws a {@link Trouble} that names the first pattern that cannot be compiled. */
export function openRedactor({ enabled, patterns }: RedactorOptions): Redactor {
  const own = patterns.map(compilePattern)
  let count = 0
  return {
    scan: !enabled ? () => [] : own.length > 0 ? () => 'every' : scanForSecrets,
    redact(escaped) {
      if (!enabled) return escaped
      const text = redactPatterns(redactKnown(escaped), own)
      if (text !== escaped) count++
      return text
    },
    count: () => count,
  }
}

function compilePattern(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (cause) {
    throw new Trouble(`redaction pattern ${JSON.stringify(pattern)} cannot be used`, {
      remedy: `write it in RE2 syntax (${(cause as Error).message})`,
      cause,
    })
  }
}

/**
 * Every secret that {@link redactKnown} finds has one of these words in or before it. The cases are enumerated, which
 * is several times faster than the `i` flag.
 */
const secretWords =
  /[pP](?:ass(?:[wW]or|wd|phr)|ASS(?:WOR|WD|PHR)|wd|WD)|--pass|_pass|_PASS|[sS](?:ecret|ECRET)(?=[\d\\"':=\s_AKak-])|[tT](?:oken|OKEN)(?=[\d\\"':=\s])|[bB](?:earer |EARER )|[bB](?:asic |ASIC )|(?:[aA](?:pi|ccess|uth|PI|CCESS|UTH)|[pP](?:rivate|RIVATE))[_-]?[kK]|[aA](?:uthoriz|UTHORIZ)|PRIVATE KEY|A[KS]IA|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|sk_live_|eyJ/g

/** Positions of words that often stand before secrets. */
function scanForSecrets(latin1: string): number[] {
  const found: number[] = []
  secretWords.lastIndex = 0
  while (secretWords.test(latin1)) found.push(secretWords.lastIndex - 1)
  return addUrls(latin1, found)
}

/** An `@` is rare enough to be looked for alone; one behind `://` may end a password. */
function addUrls(latin1: string, found: number[]): number[] {
  const words = found.length
  for (let at = latin1.indexOf('@'); at !== -1; at = latin1.indexOf('@', at + 1)) {
    if (/:\\{0,3}\/\\{0,3}\//.test(latin1.slice(Math.max(0, at - 400), at))) found.push(at)
  }
  return found.length === words ? found : found.toSorted((a, b) => a - b)
}

/*
 * The known forms. Each is linear in practice: it begins with literal characters that it consumes, or at the beginning
 * of a run (look-behind), and what may repeat is bounded or ends at the first foreign character.
 */
const privateKey =
  /-----BEGIN ([A-Z0-9 ]{0,40})PRIVATE KEY-----(?!\[redacted\]).*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$)/gs
const tokens =
  /(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?|(?<![A-Z0-9])A[KS]IA[A-Z0-9]{16}(?![A-Z0-9])|\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}|sk_live_[A-Za-z0-9]{16,})/g
const urlPassword =
  /(:\\{0,3}\/\\{0,3}\/[^\s:@/"'\\<>]{0,128}:)(?!\[redacted\]@)[^\s/"'\\<>]{1,256}@/g
const scheme = /\b(bearer|basic) +([\w.~+/-]{8,}={0,2})/gi
const assignment =
  /(?:passw(?:or)?d|passphrase|(?<=[_-])pass|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|token|(?:api|access|auth|private)[_-]?key|authorization)[0-9]{0,2}(?:\\{1,7}"|')?(?:\s|\\t|\\u0009){0,4}(?::|=>|=\\u003e|=)(?:\s|\\t|\\u0009){0,4}/gi
const option =
  /(--(?:[a-z0-9]{1,20}-){0,3}(?:password|passwd|pass|passphrase|secret|token|api-key|access-key))(?: {1,4}|=)(?!-)/gi

function redactKnown(escaped: string): string {
  let text = escaped
  if (text.includes('PRIVATE KEY-----')) {
    text = text.replace(privateKey, `-----BEGIN $1PRIVATE KEY-----${mark}`)
  }
  text = text.replace(tokens, mark)
  text = text.replace(urlPassword, `$1${mark}@`)
  text = replaceValues(text, assignment)
  text = replaceValues(text, option)
  return text.replace(scheme, (all, name: string, value: string) =>
    looksRandom(value) ? `${name} ${mark}` : all,
  )
}

/** "Basic authentication" is prose, "Basic YWxhZGRpbjpv" is not. */
function looksRandom(value: string): boolean {
  return value.length >= 24 || /\d|[a-z][A-Z]|=$/.test(value)
}

/** Replaces the value behind every match of `key` (a key with its `=` or `:`). */
function replaceValues(text: string, key: RegExp): string {
  let done = 0
  let result = ''
  key.lastIndex = 0
  for (let match = key.exec(text); match !== null; match = key.exec(text)) {
    const begin = key.lastIndex
    const [from, to] = valueAt(text, begin)
    if (to === from || isHarmless(text.slice(from, to))) continue
    result += text.slice(done, from) + mark
    done = to
    key.lastIndex = to
  }
  return done === 0 ? text : result + text.slice(done)
}

/** Nothing to hide: no value, a word of the language, or hidden already. */
function isHarmless(value: string): boolean {
  return /^(?:\[?redacted\]?|null|nil|none|undefined|true|false|\*+)$/i.test(value)
}

const quote = /(\\{0,7})(["'])/y
const authScheme = /(?:bearer|basic|digest|token|apikey|negotiate) {1,4}/iy
/** Up to white space, a quote, an escape, or a separator that something else follows. */
const bareValue =
  /(?:[^\s"'\\&,;)}\]]|\\\\(?![\\"nrtu])|[,;)}\]](?![\s,;)}\]\\"']|$|[\w.-]{1,40}[=:]))+/y
const maxQuoted = 8192

/** Where the value at `at` begins and ends, without its quotes and without `Bearer`. */
function valueAt(text: string, at: number): [number, number] {
  quote.lastIndex = at
  const quoted = quote.exec(text)
  let from = quoted ? quote.lastIndex : at
  authScheme.lastIndex = from
  if (authScheme.test(text)) from = authScheme.lastIndex
  if (quoted) {
    const end = closingQuote(text, from, quoted[2] as string, (quoted[1] as string).length)
    if (end !== -1) return [from, end]
  }
  bareValue.lastIndex = from
  return [from, bareValue.test(text) ? bareValue.lastIndex : from]
}

/** The quote that closes a string: with as many backslashes before it as the opening one has. -1 if there is none near. */
function closingQuote(text: string, from: number, mark: string, depth: number): number {
  const near = text.slice(from, from + maxQuoted)
  for (let at = near.indexOf(mark); at !== -1; at = near.indexOf(mark, at + 1)) {
    if (backslashesBefore(near, at) === depth) return from + at - depth
  }
  return -1
}

/** The user's patterns see the text as it was written, not its JSON escapes. */
function redactPatterns(escaped: string, patterns: readonly RE2JS[]): string {
  if (patterns.length === 0) return escaped
  const before = JSON.parse(`"${fromLatin1(escaped)}"`) as string
  const after = patterns.reduce(replaceMatches, before)
  return after === before ? escaped : toLatin1(JSON.stringify(after).slice(1, -1))
}

function replaceMatches(text: string, pattern: RE2JS): string {
  const matcher = pattern.matcher(text)
  let done = 0
  let result = ''
  while (matcher.find()) {
    for (const [from, to] of matchedParts(matcher)) {
      if (from < done || to === from) continue
      result += text.slice(done, from) + mark
      done = to
    }
  }
  return done === 0 ? text : result + text.slice(done)
}

function matchedParts(matcher: ReturnType<RE2JS['matcher']>): [number, number][] {
  const parts: [number, number][] = []
  for (let group = 1; group <= matcher.groupCount(); group++) {
    if (matcher.start(group) !== -1) parts.push([matcher.start(group), matcher.end(group)])
  }
  return parts.length > 0 ? parts : [[matcher.start(0), matcher.end(0)]]
}
