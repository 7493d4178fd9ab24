import { Trouble } from '../errors.ts'
import { levels as allLevels, type Level } from '../event.ts'
import type { LogQuery } from './store.ts'

/** What is the same of every store's answers. */
export const defaultLimit = 200

const longestMs = 30_000

/** Throws Trouble once the question has taken too long: others wait behind it. */
export function openTimeLimit(): () => void {
  const end = performance.now() + longestMs
  return () => {
    if (performance.now() < end) return
    throw new Trouble(`the search took longer than ${longestMs / 1000} s`, {
      remedy: 'narrow the time, name a service, or ask for whole words',
    })
  }
}

export function checkNumbers({
  from = 0,
  to = 0,
  limit = 1,
}: Pick<LogQuery, 'from' | 'to' | 'limit'>): void {
  if (Number.isNaN(from) || Number.isNaN(to)) throw new Trouble('a time range of no numbers')
  if (!Number.isInteger(limit) || limit < 1) {
    throw new Trouble(`cannot give ${limit} hits`, { remedy: 'ask for one or more' })
  }
}

/** They come from outside, and become names of columns. */
export function checkedLevels(levels: Level[] | undefined): Level[] | undefined {
  const wrong = levels?.find((level) => !allLevels.includes(level))
  if (wrong === undefined) return levels
  throw new Trouble(`there is no level ${JSON.stringify(wrong)}`, {
    remedy: `use ${allLevels.join(', ')}`,
  })
}
