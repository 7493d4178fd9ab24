import { msToIso } from '../pipeline/event.ts'

const hourMs = 3_600_000
const renewMs = 60_000
/** Nothing that logs is older; a time before it was never set. */
const oldest = '1990-01-01T00:00:00.000000000Z'

/**
 * Tells the time an event is stored under: its own, or that of its reading where its own cannot be true (more than an
 * hour in the future, or before 1990). It would be found under no range one asks for, and be kept for ever or
 * deleted at once. Quick, since every event is asked: times of fixed width compare as text.
 */
export function openPlausibleTime(): (time: string, readMs: number) => string {
  let newest = ''
  let renewAt = -Infinity
  return (time, readMs) => {
    if (readMs >= renewAt || readMs < renewAt - 2 * renewMs) {
      newest = msToIso(readMs + hourMs)
      renewAt = readMs + renewMs
    }
    return time > newest || time < oldest ? msToIso(readMs) : time
  }
}
