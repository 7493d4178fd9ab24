import { Trouble } from '../errors.ts'

/**
 * How long events are kept depends on what they are and on the class that their service asks for (`Identity.retention`,
 * stamped at the source, so that an event always meets its own earlier copy). Classes are few and declared; one that is
 * not is `default`.
 */
export const eventClasses = [
  'logs',
  'metrics',
  'signals',
  'changes',
  'alerts',
  'decisions',
  'dead',
] as const
export type EventClass = (typeof eventClasses)[number]

export const defaultRetention = 'default'

/** Part of the names of indices. */
export const retentionName = /^[a-z][a-z0-9_]{0,29}$/

/** The first day (`2026-11-22`, UTC, of the events' own time) that is kept, by retention class. */
export type FirstDays = Readonly<
  { default: Readonly<Record<EventClass, string>> } & Record<
    string,
    Readonly<Record<EventClass, string>>
  >
>

/** The same for all. */
export function keepFrom(day: string): FirstDays {
  return { default: everyClass(() => day) }
}

export function everyClass<T>(valueOf: (eventClass: EventClass) => T): Record<EventClass, T> {
  return Object.fromEntries(eventClasses.map((one) => [one, valueOf(one)])) as Record<EventClass, T>
}

/** They choose what is deleted: throws Trouble where one of them is no day. */
export function checkDays(firstDays: FirstDays): void {
  for (const days of Object.values(firstDays)) {
    for (const day of eventClasses.map((one) => days[one])) {
      if (!/^\d{4}-\d\d-\d\d$/.test(day)) throw new Trouble(`not a day: ${day}`)
    }
  }
}

/** The class that is declared, whatever an event says. */
export function declaredRetention(
  asked: unknown,
  declared: { has(name: string): boolean },
): string {
  return typeof asked === 'string' && declared.has(asked) ? asked : defaultRetention
}
