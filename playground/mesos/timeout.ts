import { refusal, type Answer } from './libprocess.ts'

const duration = /^-?\d+(\.\d+)?(ns|us|ms|secs|mins|hrs|days|weeks)$/

/** The refusal of a `?timeout=` that is no duration of Mesos (`5secs`). All metrics are there at once, so it has no other use. */
export function badTimeout(query: URLSearchParams): Answer | undefined {
  const timeout = query.get('timeout')
  if (timeout === null || duration.test(timeout)) return undefined
  const why = /^-?\d+(\.\d+)?$/.test(timeout)
    ? `Invalid duration: ${timeout}`
    : `Unknown duration unit in '${timeout}'`
  return refusal(400, `Invalid timeout '${timeout}': ${why}.\n`)
}
