/** Intervals of wall time in which a route is mute or active: parsing, and whether a moment is inside. */
import { Trouble } from '../../pipeline/errors.ts'

/** From `begin` to `end`, both included; minutes of the day: the end excluded. */
export interface Range {
  begin: number
  end: number
}

/** A moment is inside when each given list has a range with it; an absent list does not restrict, an empty one has none. */
export interface TimeInterval {
  /** Minutes since midnight. */
  times?: readonly Range[]
  /** 0 is Sunday. */
  weekdays?: readonly Range[]
  /** From 1; negative ones from the month's end. */
  daysOfMonth?: readonly Range[]
  months?: readonly Range[]
  years?: readonly Range[]
  /** IANA name of a time zone; UTC without. */
  location?: string
}

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const months =
  'january february march april may june july august september october november december'.split(' ')

/** `09:00` and `24:00` as minutes of a day. Throws Trouble. */
export function parseTimeRange(start: string, end: string): Range {
  const range = { begin: minuteOfDay(start), end: minuteOfDay(end) }
  if (range.begin >= range.end) {
    throw new Trouble('start time cannot be equal or greater than end time')
  }
  return range
}

function minuteOfDay(text: string): number {
  if (!/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/.test(text)) {
    throw new Trouble(`no time of day as 09:30 or 24:00: ${text}`)
  }
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
}

/** `monday`, `monday:friday`; a week begins on Sunday. Throws Trouble. */
export function parseWeekdays(text: string): Range {
  const range = parseRange(text, (name) => {
    const day = weekdays.indexOf(name)
    if (day < 0) throw new Trouble(`${name} is not a valid weekday`)
    return day
  })
  return ordered(range, 'the last weekday is before the first; a week begins on sunday')
}

/** `15`, `1:-1`, `-7:-1`. Throws Trouble. */
export function parseDaysOfMonth(text: string): Range {
  const range = parseRange(text, wholeNumber)
  for (const day of [range.begin, range.end]) {
    if (day === 0 || Math.abs(day) > 31) {
      throw new Trouble(`${day} is not a valid day of the month: out of range`)
    }
  }
  if (range.begin < 0 && range.end > 0) {
    throw new Trouble('end day must be negative if start day is negative')
  }
  // In the shortest month, whose days all others have.
  if (fromStart(range.begin, 27) > fromStart(range.end, 27)) {
    throw new Trouble(`end day ${range.end} is always before start day ${range.begin}`)
  }
  return range
}

/** `may`, `11:12`; numbers are not bounded. Throws Trouble. */
export function parseMonths(text: string): Range {
  const range = parseRange(text, (name) => months.indexOf(name) + 1 || monthNumber(name))
  return ordered(range, `end month ${range.end} is before start month ${range.begin}`)
}

function monthNumber(text: string): number {
  if (!integer.test(text)) throw new Trouble(`${text} is not a valid month`)
  return Number(text)
}

/** `2024`, `2024:2026`. Throws Trouble. */
export function parseYears(text: string): Range {
  const range = parseRange(text, wholeNumber)
  return ordered(range, `end year ${range.end} is before start year ${range.begin}`)
}

const integer = /^[+-]?\d{1,15}$/

function wholeNumber(text: string): number {
  if (!integer.test(text)) throw new Trouble(`not a whole number: ${text}`)
  return Number(text)
}

function parseRange(text: string, member: (text: string) => number): Range {
  const [begin = '', end = begin, ...more] = text.toLowerCase().split(':')
  if (more.length > 0) throw new Trouble(`not a range as from:to: ${text}`)
  return { begin: member(begin), end: member(end) }
}

function ordered(range: Range, sentence: string): Range {
  if (range.begin > range.end) throw new Trouble(sentence)
  return range
}

/** The names of three letters that IANA has. Intl has more, and its `PST` or `IST` may mean another zone than the reader's. */
const shortNames: ReadonlySet<string> = new Set(
  'CET EET EST GMT HST MET MST PRC ROC ROK UCT UTC WET'.split(' '),
)

/** An IANA name as Intl knows it; empty is UTC, as in Go. Offsets as `+02:00` are no names. Throws Trouble. */
export function parseLocation(text: string): string {
  if (text === '') return 'UTC'
  const named = text.length === 3 ? shortNames.has(text) : /^[A-Z]/.test(text)
  if (!named || !isTimeZone(text)) throw new Trouble(`unknown time zone ${text}`)
  return text
}

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).format(0) !== ''
  } catch {
    return false
  }
}

/** Whether the moment `now` (ms) is inside. */
export function contains(interval: TimeInterval, now: number): boolean {
  const at = wallTime(interval.location ?? 'UTC', now)
  return (
    within(interval.times, ({ begin, end }) => at.minute >= begin && at.minute < end) &&
    within(interval.daysOfMonth, (range) => hasDay(range, at)) &&
    within(interval.months, includes(at.month)) &&
    within(interval.weekdays, includes(at.weekday)) &&
    within(interval.years, includes(at.year))
  )
}

function within(ranges: readonly Range[] | undefined, has: (range: Range) => boolean): boolean {
  return ranges === undefined || ranges.some(has)
}

const includes =
  (value: number) =>
  ({ begin, end }: Range) =>
    value >= begin && value <= end

function hasDay({ begin, end }: Range, { day, daysInMonth }: WallTime): boolean {
  return fromStart(begin, daysInMonth) <= day && day <= fromStart(end, daysInMonth)
}

function fromStart(day: number, daysInMonth: number): number {
  return day < 0 ? daysInMonth + day + 1 : day
}

interface WallTime {
  minute: number
  weekday: number
  day: number
  daysInMonth: number
  month: number
  year: number
}

/** Making one takes far longer than using it; there are as many as the configuration names zones. */
const formats = new Map<string, Intl.DateTimeFormat>()

function wallTime(location: string, now: number): WallTime {
  const local = location === 'UTC' ? new Date(now) : localDate(location, now)
  const [year, month] = [local.getUTCFullYear(), local.getUTCMonth()]
  return {
    minute: local.getUTCHours() * 60 + local.getUTCMinutes(),
    weekday: local.getUTCDay(),
    day: local.getUTCDate(),
    daysInMonth: new Date(Date.UTC(year, month + 1, 0)).getUTCDate(),
    month: month + 1,
    year,
  }
}

/** A date whose UTC fields are the zone's wall time. */
function localDate(location: string, now: number): Date {
  const format = formats.get(location) ?? formatOf(location)
  formats.set(location, format)
  const part: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {}
  for (const { type, value } of format.formatToParts(now)) part[type] = value
  const number = (type: Intl.DateTimeFormatPartTypes) => Number(part[type])
  return new Date(
    Date.UTC(number('year'), number('month') - 1, number('day'), number('hour'), number('minute')),
  )
}

function formatOf(location: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', {
    timeZone: location,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  })
}
