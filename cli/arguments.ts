import { InvalidArgumentError } from 'commander'
import { formatDuration, parseDuration } from '../config/units.ts'
import { explain } from '../pipeline/errors.ts'
import { levels, type Level } from '../pipeline/event.ts'
import { parsePattern, parseQuery } from '../pipeline/query.ts'
import { longestPauseMs } from '../pipeline/scaling-desk.ts'

/* Parsers of option values; commander puts the option's name before what they say. */

export const wholeNumber = (min: number, max: number) => (text: string) => {
  const number = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
  if (number >= min && number <= max) return number
  throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`)
}

export function levelList(text: string): Level[] {
  return text.split(',').map((name) => {
    const known = levels.find((level) => level === name.trim().toLowerCase())
    if (known) return known
    throw new InvalidArgumentError(`Levels are ${levels.join(', ')}.`)
  })
}

export const pattern = checked(parsePattern)
export const query = checked(parseQuery)

/** The text itself, once `parse` has accepted it. */
function checked(parse: (text: string) => unknown) {
  return (text: string): string => {
    try {
      parse(text)
      return text
    } catch (error) {
      throw new InvalidArgumentError(`${explain(error)}.`)
    }
  }
}

/** One of the names, or several with commas between. */
export const listOf =
  <const T extends string>(known: readonly T[]) =>
  (text: string) =>
    text.split(',').map((name) => {
      const found = known.find((one) => one === name.trim())
      if (found) return found
      throw new InvalidArgumentError(`Known are ${known.join(', ')}.`)
    })

/** For options that may be repeated. */
export const collected = (text: string, before: string[] = []) => [...before, text]

/** What never ends is forgotten. */
const lengthUpTo = (mostMs: number, most: string) => (text: string) => {
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0 && ms <= mostMs) return ms
  throw new InvalidArgumentError(`Give a length such as 30m, 2h or 1d, at most ${most}.`)
}

/** For how long something is muted, ms. */
export const silenceLength = lengthUpTo(366 * 86_400_000, 'a year')

/** For how long scaling is paused, ms. */
export const pauseLength = lengthUpTo(longestPauseMs, formatDuration(longestPauseMs))
