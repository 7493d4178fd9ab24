import { nextTime, type Schedule } from './cron.ts'

/** Matches of a rule that are told together, as ElastAlert 2 does: the first sets the time, later ones join it. */
export interface Gathered {
  /** When they are told, ms. */
  sendAt: number
  /** The match that began it. */
  first: string
}

/** So long after the first match, ms, or at the next time of a schedule. */
export type Gathering = { spanMs: number } | { schedule: Schedule }

/** Where a match at `now` belongs; `before`: what the last one of its `aggregation_key` belonged to. */
export function gather(
  gathering: Gathering,
  before: Gathered | undefined,
  { id, now }: { id: string; now: number },
): Gathered {
  if (before && now <= before.sendAt) return before
  const sendAt =
    'spanMs' in gathering ? now + gathering.spanMs : (nextTime(gathering.schedule, now) ?? now)
  return { sendAt, first: id }
}
