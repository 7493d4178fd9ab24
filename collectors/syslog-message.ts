import type { Level } from '../pipeline/event.ts'
import { syslogLevels } from './level.ts'

/**
 * What a syslog message says. Texts are latin1: one character for each byte.
 * https://www.rfc-editor.org/rfc/rfc5424 and https://www.rfc-editor.org/rfc/rfc3164
 */
export interface SyslogMessage {
  facility: string
  /** 0 (emergency) to 7 (debug). */
  severity: number
  /** As it is written; undefined where there is none. */
  time: string | undefined
  host: string | undefined
  app: string | undefined
  /**
   * What a person reads: the text, with the application and its process id before it as in `/var/log/syslog`, and message id and
   * structured data where there are some. A text that is a JSON object stands alone, so that its fields can be searched.
   */
  text: string
}

const facilities = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
  'ntp',
  'audit',
  'alert',
  'clock',
  ...Array.from({ length: 8 }, (_, n) => `local${n}`),
]

/** Of a message without a priority: user.notice (RFC 3164, 4.3.3). */
const unset = { facility: 'user', severity: 5 }

const priority = /^<(\d{1,3})>/
const version1 = /^1 (\S{1,64}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) /
const bom = '\u00ef\u00bb\u00bf'

/** Never throws: what is not as it should be is text. */
export function parseSyslog(line: string): SyslogMessage {
  const pri = priority.exec(line)
  const number = Number(pri?.[1])
  if (!pri || number > 191) return { ...unset, ...traditional(line) }
  const rest = line.slice(pri[0].length)
  const head = {
    facility: facilities[number >> 3] as string,
    severity: number & 7,
  }
  return { ...head, ...(structured(rest) ?? traditional(rest)) }
}

type Body = Omit<SyslogMessage, 'facility' | 'severity'>

/** RFC 5424. Undefined where it is not in that form. */
function structured(rest: string): Body | undefined {
  const match = version1.exec(rest)
  if (!match) return undefined
  const [all, time, host, app, process, id] = match.map(unlessNil)
  const from = (all as string).length
  const end = structuredEnd(rest, from)
  if (end === undefined) return undefined
  const data = unlessNil(rest.slice(from, end).replace(clockQuality, '') || '-')
  const message = rest.slice(end).replace(/^ /, '')
  const text = message.startsWith(bom) ? message.slice(bom.length) : message
  return { time, host, app, text: spoken({ app, process, id, data, text }) }
}

/** About the sender's clock, on every line of some senders (`logger`). */
const clockQuality = /\[timeQuality(?: [a-zA-Z]+="[^"]*")*\]/

const unlessNil = (text: string | undefined) => (text === '-' ? undefined : text)

/** Behind the structured data, in which quoted texts may hold anything. */
function structuredEnd(line: string, from: number): number | undefined {
  if (line[from] === '-') return from + 1
  let at = from
  while (line[at] === '[') {
    for (let quoted = false; ; at++) {
      if (at >= line.length) return undefined
      if (quoted && line[at] === '\\') at++
      else if (line[at] === '"') quoted = !quoted
      else if (!quoted && line[at] === ']') break
    }
    at++
  }
  return at === from ? undefined : at
}

const traditionalTime =
  /^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) /
const hostThenTag = /^(\S{1,255}) (?=[^\s:[]{1,128}(?:\[[^\]\s]{0,64}\])?(?::| |$))/
const tagged = /^([^\s:[\]]{1,128})(?:\[([^\]\s]{0,64})\])?: ?/

/** RFC 3164, and the ISO times that rsyslog and syslog-ng write in its form. */
function traditional(rest: string): Body {
  const time = traditionalTime.exec(rest)?.[0].trimEnd()
  if (time === undefined) {
    const { app, text } = withTag(rest)
    return { time: undefined, host: undefined, app, text }
  }
  const behind = rest.slice(time.length + 1)
  // Without a host it begins with the tag (`logger` to a local socket).
  const host = tagged.test(behind) ? undefined : hostThenTag.exec(behind)?.[1]
  const { app, text } = withTag(host === undefined ? behind : behind.slice(host.length + 1))
  return { time, host, app, text }
}

function withTag(text: string): { app: string | undefined; text: string } {
  const tag = tagged.exec(text)
  if (!tag) return { app: undefined, text }
  const [all, app, process] = tag
  return { app, text: spoken({ app, process, text: text.slice(all.length) }) }
}

interface Parts {
  app: string | undefined
  process?: string | undefined
  id?: string | undefined
  data?: string | undefined
  text: string
}

function spoken({ app, process, id, data, text }: Parts): string {
  if (text.startsWith('{') && text.trimEnd().endsWith('}')) return text
  const who = `${app ?? ''}${process === undefined ? '' : `[${process}]`}`
  const head = [who, id, data].filter((part) => part !== undefined && part !== '').join(' ')
  return head === '' ? text : `${head}: ${text}`
}

/** Many programs log everything as `notice` or `info`: there a level in the text says more. */
export function levelOfSyslog(severity: number, levelOfText: Level): Level {
  const level = syslogLevels[severity] ?? 'unknown'
  return level === 'info' && levelOfText !== 'unknown' ? levelOfText : level
}
