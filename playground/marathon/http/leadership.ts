import type { Clock } from '../../../pipeline/clock.ts'

/** Which of the instances leads. There are times when none does. */
export interface Leadership {
  /** `host:port` of the leading instance. */
  leader(): string | undefined
  /** ms since the epoch, when it began to lead. */
  since(): number
  /** Nobody leads for that long, then the next one. Resolves when it does; more time is added where it is lost already. */
  lose(forMs: number): Promise<void>
  /** Lets the next one lead when it is time. */
  tick(): void
  /** Told when the leader is lost, and when the next one leads. */
  onChange(listener: (leads: boolean) => void): void
}

export function openLeadership(clock: Clock, addresses: readonly string[]): Leadership {
  const listeners: ((leads: boolean) => void)[] = []
  const waiting: (() => void)[] = []
  let current = 0
  let since = clock.now()
  let nextAt: number | undefined

  function tell(leads: boolean): void {
    for (const listener of listeners) listener(leads)
  }

  function lose(forMs: number): Promise<void> {
    const wasLed = nextAt === undefined
    nextAt = Math.max(nextAt ?? 0, clock.now() + forMs)
    if (wasLed) tell(false)
    return new Promise((resolve) => waiting.push(resolve))
  }

  function tick(): void {
    if (nextAt === undefined || clock.now() < nextAt) return
    nextAt = undefined
    current = (current + 1) % addresses.length
    since = clock.now()
    tell(true)
    for (const resolve of waiting.splice(0)) resolve()
  }

  return {
    leader: () => (nextAt === undefined ? addresses[current] : undefined),
    since: () => since,
    lose,
    tick,
    onChange: (listener) => void listeners.push(listener),
  }
}
