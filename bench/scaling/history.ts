/** What a service had to bear, second by second. */
export interface History {
  /** Seconds that have passed. */
  t: number
  /** Another second: the load of all together, and how many instances were ready to share it. */
  add(load: number, ready: number): void
  /** Mean load of the `seconds` up to so long ago, all together. */
  totalOver(seconds: number, agoSeconds?: number): number
  /** Mean load of an instance that is ready since then, of the last `seconds`; undefined where it never was. */
  eachOver(readyAt: number, seconds: number): number | undefined
}

export function openHistory(): History {
  const loads: number[] = []
  const shares: number[] = []
  return {
    get t() {
      return loads.length
    },
    add(load, ready) {
      loads.push(load)
      shares.push(load / Math.max(1, ready))
    },
    totalOver(seconds, agoSeconds = 0) {
      const to = Math.max(0, loads.length - agoSeconds)
      return mean(loads.slice(Math.max(0, to - seconds), to))
    },
    eachOver(readyAt, seconds) {
      const own = shares.slice(Math.max(readyAt, shares.length - seconds, 0))
      return own.length === 0 ? undefined : mean(own)
    },
  }
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
