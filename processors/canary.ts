import { canaryService } from '../pipeline/canary.ts'
import { pause, type Clock } from '../pipeline/clock.ts'
import { isoToMs } from '../pipeline/event.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { LogHead } from '../pipeline/record.ts'
import type { Store } from '../pipeline/store/store.ts'

export interface CanaryWatchOptions {
  store: Pick<Store, 'search'>
  clock: Clock
  metrics: Metrics
}

const firstLookMs = 50
const lastLookMs = 1_000
/** A line that cannot be found for so long is told. */
const patienceMs = 60_000
/** A host of which no line came for so long is somebody else's, or gone. */
const forgetMs = 10 * 60_000

/** How long lines took, by the host on which they were written. */
interface Measured {
  seconds: number
  atMs: number
}

/** Measures how long the canary's lines take from being written until a search finds them. */
export function openCanaryWatch({ store, clock, metrics }: CanaryWatchOptions) {
  const stopping = new AbortController()
  const measured = new Map<string, Measured>()
  /** Since when the newest line of a host is looked for. */
  const looking = new Map<string, { writtenMs: number; sinceMs: number }>()
  let last: Promise<unknown> = Promise.resolve()

  async function look(host: string, writtenMs: number): Promise<void> {
    const mine = { writtenMs, sinceMs: clock.now() }
    looking.set(host, mine)
    let waitMs = firstLookMs
    while (!stopping.signal.aborted && looking.get(host) === mine) {
      if (await isFound(host, writtenMs)) {
        const seconds = Math.max(0, clock.now() - writtenMs) / 1000
        metrics.end_to_end_seconds.observe(seconds)
        measured.set(host, { seconds, atMs: clock.now() })
        looking.delete(host)
        return
      }
      await pause(waitMs, stopping.signal)
      waitMs = Math.min(waitMs * 2, lastLookMs)
    }
  }

  async function isFound(host: string, writtenMs: number): Promise<boolean> {
    try {
      const range = { from: writtenMs, to: writtenMs + 1 }
      const { hits } = await store.search({ services: [canaryService], ...range, limit: 100 })
      return hits.some((hit) => hit['host.name'] === host)
    } catch {
      // A store that is away is told by who writes to it.
      return false
    }
  }

  function forget(): void {
    const before = clock.now() - forgetMs
    for (const [host, { atMs }] of measured) if (atMs < before) measured.delete(host)
    for (const [host, { sinceMs }] of looking) if (sinceMs < before) looking.delete(host)
  }

  return {
    /** Lines of this record are stored; of an older one, which was read late, nothing can be learnt. */
    stored({ identity, time }: Pick<LogHead, 'identity' | 'time'>): void {
      const { service, agent } = identity
      if (service !== canaryService || agent === undefined) return
      const writtenMs = isoToMs(time[1])
      if (writtenMs <= (looking.get(agent)?.writtenMs ?? -Infinity)) return
      last = look(agent, writtenMs)
    },
    /** The slowest host's, seconds; undefined before any was measured. */
    seconds(): number | undefined {
      forget()
      const all = [...measured.values()].map((one) => one.seconds)
      return all.length === 0 ? undefined : Math.max(...all)
    },
    trouble(): string | undefined {
      const late = [...looking].find(([, { sinceMs }]) => clock.now() - sinceMs > patienceMs)
      return late && `a line of ${late[0]} was stored, and no search finds it for a minute`
    },
    async close() {
      stopping.abort()
      await last
    },
  }
}
