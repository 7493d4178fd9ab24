/**
 * The five fields of cron (minute, hour, day of month, month, day of week), in UTC: `*`, numbers, ranges, lists and
 * steps. As in cron, where both days are restricted either of them is enough.
 */
export interface Schedule {
  minutes: ReadonlySet<number>
  hours: ReadonlySet<number>
  days: ReadonlySet<number>
  months: ReadonlySet<number>
  weekdays: ReadonlySet<number>
  eitherDay: boolean
}

const bounds = [
  ['minute', 0, 59],
  ['hour', 0, 23],
  ['day of month', 1, 31],
  ['month', 1, 12],
  ['day of week', 0, 7],
] as const

const minuteMs = 60_000
/** A schedule that names no day of these years names none. */
const maxDays = 4 * 366 + 1

/** Throws with what is wrong. */
export function parseCron(text: string): Schedule {
  const fields = text.trim().split(/\s+/)
  if (fields.length !== bounds.length) throw new RangeError(`"${text}" has not five fields`)
  const sets = fields.map((field, i) => setOf(field, bounds[i] as (typeof bounds)[number]))
  const [minutes, hours, days, months, weekdays] = sets as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ]
  // Sunday is 0 and 7.
  if (weekdays.has(7)) weekdays.add(0)
  const [, , dayField, , weekdayField] = fields
  return {
    minutes,
    hours,
    days,
    months,
    weekdays,
    eitherDay: dayField !== '*' && weekdayField !== '*',
  }
}

function setOf(field: string, [name, least, most]: (typeof bounds)[number]): Set<number> {
  const set = new Set<number>()
  for (const part of field.split(',')) {
    const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part)
    const [, from = String(least), to = match?.[1] === undefined ? String(most) : from, step] =
      match ?? []
    const [first, last, by] = [Number(from), Number(to), Number(step ?? 1)]
    // `5/10` goes on to the end.
    const end = step !== undefined && match?.[2] === undefined ? most : last
    if (!match || first < least || end > most || first > end || by === 0) {
      throw new RangeError(`"${part}" is no ${name} of cron`)
    }
    for (let value = first; value <= end; value += by) set.add(value)
  }
  return set
}

/** The first time of the schedule after `afterMs`, ms; undefined where there is none. */
export function nextTime(schedule: Schedule, afterMs: number): number | undefined {
  const { minutes, hours } = schedule
  const first = (Math.floor(afterMs / minuteMs) + 1) * minuteMs
  const midnight = Math.floor(first / 86_400_000) * 86_400_000
  for (let day = 0; day < maxDays; day++) {
    const dayMs = midnight + day * 86_400_000
    if (!hasDay(schedule, new Date(dayMs))) continue
    for (let minute = 0; minute < 1440; minute++) {
      const ms = dayMs + minute * minuteMs
      if (ms < first || !minutes.has(minute % 60) || !hours.has(Math.floor(minute / 60))) continue
      return ms
    }
  }
  return undefined
}

function hasDay({ days, months, weekdays, eitherDay }: Schedule, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false
  const [isDay, isWeekday] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())]
  return eitherDay ? isDay || isWeekday : isDay && isWeekday
}
