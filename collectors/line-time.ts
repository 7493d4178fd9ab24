/** Finds the time written in the lines of one file; remembers what its lines look like. */
export interface LineTimes {
  /**
   * The time of a line as fixed-width ISO. `escaped` is the JSON-escaped latin1 text. A line without a time gets that
   * of the line before, if that was read just now (it belongs to it), else the time of reading, or `writtenMs`, when
   * the file was written last, if that is earlier: what is read late did not happen late.
   */
  of(escaped: string, nowMs: number, writtenMs?: number): string
}

/** One way of writing a time. `seconds` may throw nothing; NaN where the text is no time after all. */
interface Format {
  /** Matches from the place where the time begins; group 1 is what stays the same within one second. */
  pattern: RegExp
  /** Where in the line it can begin. */
  at(line: string): number
  seconds(match: RegExpExecArray, nowMs: number): number
  /** What follows group 1 is a fraction (`.123`, `,123`) and perhaps a zone. */
  zoned?: boolean
}

const months = 'JanFebMarAprMayJunJulAugSepOctNovDec'
const atStart = () => 0
const dayMs = 86_400_000
const jsonTimeKey = /[{,]\s*\\"(?:@timestamp|timestamp|time|ts)\\"\s*:\s*(?:\\")?/

const formats: readonly Format[] = [
  {
    // ISO 8601: 2026-11-22T18:25:51.123Z, 2026-11-22 18:25:51,123 (local), also in brackets.
    pattern: /\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)/y,
    at: atStart,
    zoned: true,
    seconds: ([, text = '']) => Date.parse(`${text.replace(' ', 'T')}Z`) / 1000,
  },
  {
    // Access logs: host - user [22/Nov/2026:18:25:51 +0000]
    pattern: /(\[(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})\])/y,
    at: (line) => {
      const slash = line.indexOf('/', 3)
      return slash >= 0 && slash < 400 ? line.lastIndexOf('[', slash) : -1
    },
    seconds: ([, , day, month = '', year, time, zone = '']) =>
      Date.parse(`${year}-${monthOf(month)}-${day}T${time}${zone.slice(0, 3)}:${zone.slice(3)}`) /
      1000,
  },
  {
    // nginx' error log: 2026/11/22 18:25:51
    pattern: /(\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d)/y,
    at: atStart,
    zoned: true,
    seconds: ([, text = '']) =>
      Date.parse(`${text.replaceAll('/', '-').replace(' ', 'T')}Z`) / 1000,
  },
  {
    // syslog: Nov 22 18:25:51 (no year, local)
    pattern: /(?:<\d{1,3}>)?(([A-Z][a-z]{2}) ([ \d]\d) (\d\d:\d\d:\d\d))/y,
    at: atStart,
    seconds: ([, , month = '', day = '', time], nowMs) =>
      withYear(`${monthOf(month)}-${day.trim().padStart(2, '0')}`, time, nowMs),
  },
  {
    // glog: I1122 18:25:51.633858 (local; with the year since 0.5: I20261122 …)
    pattern: /([IWEFD](\d{4})?(\d\d)(\d\d) (\d\d:\d\d:\d\d))/y,
    at: atStart,
    seconds: ([, , year, month, day, time], nowMs) =>
      year === undefined
        ? withYear(`${month}-${day}`, time, nowMs)
        : localSeconds(`${year}-${month}-${day}T${time}`),
  },
  {
    // squid: 1795371951.633
    pattern: /(\d{10})(?=\.\d{3}\s)/y,
    at: atStart,
    seconds: ([, text], nowMs) => {
      const seconds = Number(text)
      return seconds * 1000 > nowMs + dayMs ? Number.NaN : seconds
    },
  },
  {
    // JSON: {"time":"2026-11-22T18:25:51.633Z", …}, also ts, timestamp, @timestamp
    pattern: /(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)/y,
    at: jsonTimeAt,
    zoned: true,
    seconds: ([, text = '']) => Date.parse(`${text.replace(' ', 'T')}Z`) / 1000,
  },
  {
    // JSON: {"time":1795371951633, …} in ms, or in seconds with a fraction
    pattern: /(\d{10})(?=\d{3}[,}]|\.\d+[,}]|[,}])/y,
    at: jsonTimeAt,
    seconds: ([, text], nowMs) => {
      const seconds = Number(text)
      return seconds * 1000 > nowMs + dayMs ? Number.NaN : seconds
    },
  },
]

/** Where the value of the field begins in which JSON loggers write their time (quotes are escaped here); -1 if none. */
function jsonTimeAt(line: string): number {
  if (line.charCodeAt(0) !== 0x7b) return -1
  const key = jsonTimeKey.exec(line.length > 500 ? line.slice(0, 500) : line)
  return key ? key.index + key[0].length : -1
}

const inheritMs = 1000

export function openLineTimes(): LineTimes {
  let format: Format | undefined
  /** What the lines of one second have in common, and that second. */
  let prefix = ''
  let seconds = Number.NaN
  let last = ''
  let lastReadMs = Number.NEGATIVE_INFINITY

  /** The place behind the part that is the same within a second; -1 if this format does not fit. */
  function fit(tried: Format, line: string, nowMs: number): number {
    const at = tried.at(line)
    if (at < 0) return -1
    tried.pattern.lastIndex = at
    const match = tried.pattern.exec(line)
    if (!match) return -1
    const found = tried.seconds(match, nowMs)
    if (Number.isNaN(found)) return -1
    const text = match[1] as string
    const end = at + match[0].length
    format = tried
    prefix = text
    seconds = found
    return end
  }

  function behindSecond(line: string, nowMs: number): number {
    if (format) {
      const at = format.at(line)
      if (at >= 0 && prefix !== '' && line.startsWith(prefix, at)) return at + prefix.length
      const end = fit(format, line, nowMs)
      if (end >= 0) return end
    }
    for (const tried of formats) {
      const end = tried === format ? -1 : fit(tried, line, nowMs)
      if (end >= 0) return end
    }
    return -1
  }

  function written(escaped: string, nowMs: number): string | undefined {
    const end = mayHaveTime(escaped) ? behindSecond(escaped, nowMs) : -1
    if (end < 0) return undefined
    const fraction = fractionAt(escaped, end)
    const zone = format?.zoned ? zoneAt(escaped, fraction.end, seconds) : 0
    return hasFourDigits(seconds - zone) ? isoOf(seconds - zone, fraction.digits, false) : undefined
  }

  return {
    of(escaped, nowMs, writtenMs = nowMs) {
      const found = written(escaped, nowMs)
      if (found === undefined) {
        if (last !== '' && nowMs - lastReadMs <= inheritMs) return last
        return isoOf(Math.max(0, Math.min(nowMs, writtenMs)) / 1000, '000000000', true)
      }
      lastReadMs = nowMs
      return (last = found)
    },
  }
}

/** A quick look: all formats have a digit within the first characters or a bracket. */
function mayHaveTime(line: string): boolean {
  if (line.length < 14) return false
  const first = line.charCodeAt(0)
  // Digits; [ and <; capitals; an access log may begin with any host name, which has no blank at its start.
  return first > 0x20 && first !== 0x5c
}

const isDigit = (code: number) => code >= 0x30 && code <= 0x39

function fractionAt(line: string, at: number): { digits: string; end: number } {
  const mark = line.charCodeAt(at)
  // Epoch milliseconds go on without a mark.
  const from = mark === 0x2e || mark === 0x2c ? at + 1 : at
  if (!isDigit(line.charCodeAt(from))) return { digits: '000000000', end: at }
  let end = from
  while (isDigit(line.charCodeAt(end))) end++
  return { digits: line.slice(from, Math.min(end, from + 9)).padEnd(9, '0'), end }
}

/** Seconds east of Greenwich of the zone at `at`; without one the time is local. `seconds` was read as UTC. */
function zoneAt(line: string, at: number, seconds: number): number {
  if (line.charCodeAt(at) === 0x5a) return 0
  const space = line.charCodeAt(at) === 0x20 ? 1 : 0
  const sign = line.charCodeAt(at + space)
  if (sign === 0x2b || sign === 0x2d) {
    const match = /^(\d\d):?(\d\d)?(?!\d)/.exec(line.slice(at + space + 1, at + space + 7))
    if (match)
      return (sign === 0x2b ? 1 : -1) * (Number(match[1]) * 3600 + Number(match[2] ?? 0) * 60)
  }
  if (line.startsWith('UTC', at + 1) || line.startsWith('GMT', at + 1)) return 0
  return seconds - localSeconds(new Date(seconds * 1000).toISOString().slice(0, 19))
}

/** Without a zone JavaScript takes it for local time. */
function localSeconds(text: string): number {
  return Date.parse(text) / 1000
}

function monthOf(name: string): string {
  const at = months.indexOf(name)
  return at >= 0 && at % 3 === 0 ? String(at / 3 + 1).padStart(2, '0') : 'no month'
}

/** The newest year in which the time is not more than a day ahead of the time of reading. */
function withYear(monthDay: string, time: string | undefined, nowMs: number): number {
  const year = new Date(nowMs + dayMs).getUTCFullYear()
  for (const candidate of [year, year - 1, year - 2, year - 3]) {
    const seconds = localSeconds(`${candidate}-${monthDay}T${time}`)
    const isReal =
      !Number.isNaN(seconds) && new Date(seconds * 1000).getDate() === Number(monthDay.slice(3))
    if (isReal && seconds * 1000 <= nowMs + dayMs) return seconds
  }
  return Number.NaN
}

const firstSecond = Date.parse('0000-01-01T00:00:00Z') / 1000
const lastSecond = Date.parse('9999-12-31T23:59:59Z') / 1000

/** By its zone a time can lie outside the years that the fixed-width form has; a record with one would be refused. */
function hasFourDigits(second: number): boolean {
  return second >= firstSecond && second <= lastSecond
}

let isoSecond = Number.NaN
let isoText = ''

/** With `ms` the milliseconds of `seconds` count, else `digits` is the fraction. */
function isoOf(seconds: number, digits: string, ms: boolean): string {
  if (ms) return `${new Date(Math.floor(seconds * 1000)).toISOString().slice(0, 23)}000000Z`
  if (seconds !== isoSecond) {
    isoText = new Date(seconds * 1000).toISOString().slice(0, 19)
    isoSecond = seconds
  }
  return `${isoText}.${digits}Z`
}
