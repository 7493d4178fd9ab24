import type { Level } from '../pipeline/event.ts'

/*
 * The level of an event, by looking at the beginning of its JSON-escaped text. No regular expressions on the way of
 * ordinary lines: this runs once for every line.
 */

const textHead = 256
const jsonHead = 1024

const backslash = 0x5c

/**
 * What the line itself says: a JSON or logfmt field, a word such as `WARN` or `[error]` early in the line, glog's or
 * syslog's prefix, the status of an access line (≥ 500 is an error, others info), an exception's name. `trace` says
 * that the event holds a stack trace: an error, if nothing else is said.
 */
export function levelOf(escaped: string, trace = false): Level {
  const level = escaped.charCodeAt(0) === 0x7b ? jsonLevel(escaped) : textLevel(escaped)
  return level === 'unknown' && trace ? 'error' : level
}

/** Keys by which JSON loggers name the level, without their first letters (`level`, `Level`, `log.level`, `lvl` …). */
const jsonKeys = ['evel\\"', 'everity\\"', 'lvl\\"', 'everityText\\"', 'evelname\\"', 'PRIORITY\\"']

function jsonLevel(escaped: string): Level {
  const head = escaped.length > jsonHead ? escaped.slice(0, jsonHead) : escaped
  for (const key of jsonKeys) {
    const at = head.indexOf(key)
    if (at === -1) continue
    const level = levelAfter(head, at + key.length)
    if (level !== 'unknown') return level
  }
  return 'unknown'
}

/** The level behind a key: spaces, `:` or `=`, spaces, quotes, then a word or a number. */
function levelAfter(text: string, key: number): Level {
  let at = skipSpaces(text, key)
  const separator = text.charCodeAt(at)
  if (separator !== 0x3a && separator !== 0x3d) return 'unknown'
  at = skipSpaces(text, at + 1)
  while (text.charCodeAt(at) === backslash || text.charCodeAt(at) === 0x22) at++
  if (isDigit(text.charCodeAt(at))) return numericLevel(parseInt(text.slice(at, at + 3), 10))
  return wordLevel(text, at, wordEnd(text, at))
}

function skipSpaces(text: string, at: number): number {
  let next = at
  while (text.charCodeAt(next) === 0x20) next++
  return next
}

/** Below ten syslog's severities (0 is the worst), from ten on those of bunyan and pino. */
function numericLevel(value: number): Level {
  if (value < 8) return syslogLevels[value] ?? 'unknown'
  if (value >= 60) return 'fatal'
  if (value >= 50) return 'error'
  if (value >= 40) return 'warn'
  if (value >= 30) return 'info'
  return value >= 20 ? 'debug' : 'trace'
}

/** By severity, RFC 5424. */
export const syslogLevels: readonly Level[] = [
  'fatal',
  'fatal',
  'fatal',
  'error',
  'warn',
  'info',
  'info',
  'debug',
]

const isDigit = (code: number) => code >= 0x30 && code <= 0x39
const isLetter = (code: number) => (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a
const isUpper = (code: number) => code >= 0x41 && code <= 0x5a

function wordEnd(text: string, from: number): number {
  let at = from
  while (isLetter(text.charCodeAt(at)) || text.charCodeAt(at) === 0x5f) at++
  return at
}

const wordLevels: Record<string, Level> = {
  fatal: 'fatal',
  critical: 'fatal',
  crit: 'fatal',
  panic: 'fatal',
  emerg: 'fatal',
  emergency: 'fatal',
  alert: 'fatal',
  dpanic: 'fatal',
  ftl: 'fatal',
  error: 'error',
  err: 'error',
  severe: 'error',
  warn: 'warn',
  warning: 'warn',
  wrn: 'warn',
  info: 'info',
  inf: 'info',
  information: 'info',
  informational: 'info',
  notice: 'info',
  log: 'info',
  statement: 'info',
  debug: 'debug',
  dbg: 'debug',
  fine: 'debug',
  trace: 'trace',
  trc: 'trace',
  finer: 'trace',
  finest: 'trace',
  verbose: 'trace',
}
const levelsByWord = new Map(Object.entries(wordLevels))

/** The level that the word [from, to) names, in any case. */
function wordLevel(text: string, from: number, to: number): Level {
  const length = to - from
  if (length < 3 || length > 13) return 'unknown'
  return levelsByWord.get(text.slice(from, to).toLowerCase()) ?? 'unknown'
}

/** True if an upper-case level word (`INFO`, `WARN`) begins at `at`. */
export function levelWordAt(text: string, at: number): boolean {
  if (!isUpper(text.charCodeAt(at)) || !isUpper(text.charCodeAt(at + 1))) return false
  const end = wordEnd(text, at)
  return !isLower(text.charCodeAt(end - 1)) && wordLevel(text, at, end) !== 'unknown'
}

const isLower = (code: number) => code >= 0x61 && code <= 0x7a

function textLevel(escaped: string): Level {
  const prefixed = prefixLevel(escaped)
  if (prefixed !== 'unknown') return prefixed
  const head = escaped.length > jsonHead ? escaped.slice(0, jsonHead) : escaped
  const access = accessAt(head)
  const said = wordsLevel(head, access === -1 ? Math.min(head.length, textHead) : access)
  if (said !== 'unknown') return said
  return access === -1 ? rareLevel(head) : statusLevel(head, access)
}

/** glog's `E1122 15:04:22` (since 0.5 with the year: `E20261122 …`), syslog's `<3>`. */
function prefixLevel(text: string): Level {
  const first = text.charCodeAt(0)
  if (first === 0x3c || first === backslash) return priorityLevel(text)
  if (!isDigit(text.charCodeAt(1)) || !isDigit(text.charCodeAt(4))) return 'unknown'
  const year = isDigit(text.charCodeAt(8)) ? 4 : 0
  if (text.charCodeAt(5 + year) !== 0x20 || text.charCodeAt(8 + year) !== 0x3a) return 'unknown'
  if (first === 0x49) return 'info'
  if (first === 0x57) return 'warn'
  if (first === 0x45) return 'error'
  return first === 0x46 ? 'fatal' : 'unknown'
}

function priorityLevel(text: string): Level {
  const match = /^(?:<|\\u003c)(\d{1,3})(?:>|\\u003e)/.exec(text.slice(0, 16))
  return match ? (syslogLevels[Number(match[1]) & 7] as Level) : 'unknown'
}

/**
 * Where the status of an access line stands: `"GET / HTTP/1.1" 502`, uwsgi's `(HTTP/1.1 200)`, squid's `TCP_MISS/503`;
 * -1 if this is none.
 */
function accessAt(head: string): number {
  if (isDigit(head.charCodeAt(0)) && head.charCodeAt(10) === 0x2e) {
    const slash = head.indexOf('/')
    return /[A-Z]/.test(head.charAt(slash - 1)) && isStatus(head, slash + 1) ? slash + 1 : -1
  }
  for (let at = head.indexOf('HTTP/'); at !== -1; at = head.indexOf('HTTP/', at + 5)) {
    let status = at + 8
    if (head.charCodeAt(at + 6) !== 0x2e) status = at + 6
    if (head.charCodeAt(status) === backslash) status += 2
    if (head.charCodeAt(status) === 0x20 && isStatus(head, status + 1)) return status + 1
  }
  const noRequest = head.indexOf('] \\"\\" ')
  return noRequest !== -1 && isStatus(head, noRequest + 7) ? noRequest + 7 : -1
}

function isStatus(text: string, at: number): boolean {
  for (let digit = at; digit < at + 3; digit++) {
    if (!isDigit(text.charCodeAt(digit))) return false
  }
  return !isDigit(text.charCodeAt(at + 3))
}

function statusLevel(text: string, at: number): Level {
  return text.charCodeAt(at) >= 0x35 ? 'error' : 'info'
}

/** Walks over the words before `end`; the first that names a level decides. */
function wordsLevel(text: string, end: number): Level {
  let before = 0x20
  for (let at = 0; at < end; at++) {
    const code = text.charCodeAt(at)
    if (isLetter(code) && isBoundary(before)) {
      const to = runEnd(text, at)
      const level = to - at < 3 ? 'unknown' : levelOfWord(text, at, to)
      if (level !== 'unknown') return level
      at = to - 1
      before = 0x61
    } else if (code === backslash) {
      at = escapeEnd(text, at) - 1
      before = 0x20
    } else before = code
  }
  return 'unknown'
}

/** Behind the letters, digits, dots, dollars and underscores from `from`. */
function runEnd(text: string, from: number): number {
  let at = from + 1
  for (;;) {
    const code = text.charCodeAt(at)
    if (isLetter(code) || isDigit(code) || code === 0x5f || code === 0x2e || code === 0x24) at++
    else return at
  }
}

/** Behind an escape, or behind a terminal's colour sequence (`\u001b[31m`). */
function escapeEnd(text: string, at: number): number {
  if (text.charCodeAt(at + 1) !== 0x75) return at + 2
  if (!text.startsWith('001b[', at + 2)) return at + 6
  let end = at + 7
  while (isDigit(text.charCodeAt(end)) || text.charCodeAt(end) === 0x3b) end++
  return end + 1
}

/** Characters before which a word stands free: not `/ERROR`, `=error`, `-ERR`, `x.error`. */
function isBoundary(code: number): boolean {
  if (code === 0x20) return true
  return (
    code === 0x5b ||
    code === 0x28 ||
    code === 0x7c ||
    code === 0x3a ||
    code === 0x3c ||
    code === 0x3e ||
    code === 0x5d ||
    code === 0x22 ||
    code === 0x27 ||
    code === 0x2c ||
    code === 0x3b ||
    code === 0x2a
  )
}

function levelOfWord(text: string, from: number, to: number): Level {
  const first = text.charCodeAt(from) | 0x20
  const next = text.charCodeAt(to)
  const last = text.charCodeAt(to - 1) | 0x20
  if (last === 0x6c || last === 0x79) {
    if ((next === 0x3d || next === backslash || next === 0x3a) && isLevelKey(text, from, to)) {
      return levelAfter(text, next === backslash ? to + 2 : to)
    }
  }
  if (last === 0x72 || last === 0x6e) {
    if (to - from > 5 && isException(text, from, to)) return exceptionLevel(next)
  }
  if (!maybeLevel[first]) return 'unknown'
  let end = to
  while (isDigit(text.charCodeAt(end - 1))) end--
  const level = wordLevel(text, from, end)
  if (level === 'unknown' || !standsAsLevel(text, from, to)) return 'unknown'
  return level === 'error' && text.startsWith('atal ', from - 5) ? 'fatal' : level
}

/** First letters of level words. */
const maybeLevel: boolean[] = []
for (const letter of 'fcpeaswindltv') maybeLevel[letter.charCodeAt(0)] = true

function isLevelKey(text: string, from: number, to: number): boolean {
  if (text.startsWith('evel', to - 4) || text.startsWith('EVEL', to - 4)) return true
  return (to - from === 3 && text.startsWith('lvl', from)) || text.startsWith('everity', to - 7)
}

function isException(text: string, from: number, to: number): boolean {
  if (text.startsWith('Exception', to - 9)) return true
  return text.startsWith('Error', to - 5) && to - from > 5
}

/** An exception's name is followed by its message or by the end of the line. */
function exceptionLevel(next: number): Level {
  if (Number.isNaN(next) || next === 0x3a || next === backslash || next === 0x20) return 'error'
  return next === 0x27 ? 'error' : 'unknown'
}

/**
 * Upper-case words count wherever they stand, but not as a name of a value (`ERROR=0`); others only where loggers put
 * them: in brackets, before a colon, or at the beginning of the line.
 */
function standsAsLevel(text: string, from: number, to: number): boolean {
  const before = from === 0 ? 0x20 : text.charCodeAt(from - 1)
  const next = text.charCodeAt(to)
  if (next === 0x3d || next === 0x2d || next === 0x2f) return false
  const colon = next === 0x3a
  if (isUpper(text.charCodeAt(from)) && isUpper(text.charCodeAt(from + 1))) {
    return colon || !onlyBeforeColon.has(text.slice(from, to))
  }
  const bracketed = next === 0x5d || next === 0x29 || next === 0x3e || next === 0x7c
  if (bracketed) return before !== 0x20 || next === 0x7c
  if (onlyBeforeColon.has(text.slice(from, to).toUpperCase())) return false
  if (colon) return text.charCodeAt(to + 1) !== 0x2f
  return from === 0 && next === 0x20 && isUpper(text.charCodeAt(0)) && beginsMessage(text, to)
}

const onlyBeforeColon = new Set(['LOG', 'STATEMENT', 'ALERT', 'FINE'])

/** `Error connecting to …` at the beginning of a line, not `Info screen` or `Trace of`. */
function beginsMessage(text: string, to: number): boolean {
  return text.startsWith('Error', to - 5) || text.startsWith('Fatal', to - 5)
}

/** Forms that are looked for only where nothing else was found. */
function rareLevel(head: string): Level {
  if (head.startsWith('Traceback (') || head.startsWith('thread ')) return traceLevel(head)
  if (head.includes('http: panic serving')) return 'fatal'
  if (head.includes('\\nTraceback (')) return 'error'
  return head.includes(' haproxy[') ? haproxyLevel(head) : 'unknown'
}

function traceLevel(head: string): Level {
  return head.startsWith('Traceback (') || head.includes(' panicked at ') ? 'error' : 'unknown'
}

function haproxyLevel(head: string): Level {
  const match = / -?\d+\/-?\d+\/-?\d+\/-?\d+\/\+?\d+ (\d{3}) /.exec(head)
  if (!match) return 'unknown'
  return (match[1] as string) >= '500' ? 'error' : 'info'
}
