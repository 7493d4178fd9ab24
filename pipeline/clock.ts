/** Time is an argument: everything that needs "now" takes a Clock. The wall clock is read here alone. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
}

export const wallClock: Clock = { now: () => Date.now() }

/** A clock that stands still until it is set; for tests and for replaying recorded arrivals. */
export function manualClock(startMs: number): Clock & { set(ms: number): void } {
  let current = startMs
  return {
    now: () => current,
    set: (ms) => {
      current = ms
    },
  }
}

/** Resolves after `ms` of real time, or at once when `signal` aborts; never rejects, never keeps the process alive alone. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
  })
}
