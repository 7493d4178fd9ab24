import type { KafkaCluster } from './kafka-client.ts'
import { fetchFrom, leadersOf, placeKey, type Fetched, type Wanted } from './kafka-fetch.ts'

interface Waiting {
  wanted: Wanted
  resolve(fetched: Fetched | undefined): void
  reject(error: unknown): void
  signal: AbortSignal
  onAnswer: () => void
}

/** So long a broker holds a request of which nothing has come: what another partition waits for then comes late, ms. */
const waitMs = 200

/** Fetches for several partitions, in one request to each broker at a time. */
export function openPoller(cluster: KafkaCluster) {
  const waiting = new Map<string, Waiting>()
  const busy = new Set<string>()
  let dispatching = false

  async function dispatch(): Promise<void> {
    if (dispatching || waiting.size === 0) return
    dispatching = true
    try {
      const byLeader = await leadersOf(
        cluster,
        [...waiting.values()].map(({ wanted }) => wanted),
      )
      for (const [nodeId, wanted] of byLeader) if (!busy.has(nodeId)) void ask(nodeId, wanted)
    } catch (error) {
      for (const one of take([...waiting.values()].map(({ wanted }) => wanted))) one.reject(error)
    } finally {
      dispatching = false
    }
  }

  function take(wanted: readonly Wanted[]): Waiting[] {
    return wanted.flatMap((one) => {
      const key = placeKey(one)
      const found = waiting.get(key)
      waiting.delete(key)
      return found ?? []
    })
  }

  async function ask(nodeId: string, wanted: readonly Wanted[]): Promise<void> {
    busy.add(nodeId)
    const asked = take(wanted)
    try {
      const fetched = await fetchFrom(
        cluster,
        nodeId,
        asked.map((one) => one.wanted),
        waitMs,
      )
      const byPlace = new Map(fetched.map((one) => [placeKey(one), one]))
      for (const one of asked) settle(one, byPlace.get(placeKey(one.wanted)))
    } catch (error) {
      for (const one of asked) one.reject(error)
    } finally {
      busy.delete(nodeId)
    }
    void dispatch()
  }

  function settle(one: Waiting, fetched: Fetched | undefined): void {
    if (one.signal.aborted) return one.resolve(undefined)
    if (fetched && fetched.next > one.wanted.offset) return one.resolve(fetched)
    if (fetched?.trimmedTo !== undefined) return one.resolve(fetched)
    one.onAnswer()
    waiting.set(placeKey(one.wanted), one)
  }

  return {
    /**
     * What comes at or behind an offset; undefined when aborted meanwhile. One at a time for each partition. `onAnswer`: the
     * broker has answered that there is nothing yet.
     */
    next(
      wanted: Wanted,
      signal: AbortSignal,
      onAnswer: () => void = () => {},
    ): Promise<Fetched | undefined> {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return resolve(undefined)
        const key = placeKey(wanted)
        waiting.set(key, { wanted, resolve, reject, signal, onAnswer })
        signal.addEventListener(
          'abort',
          () => {
            if (waiting.get(key)?.signal === signal) waiting.delete(key)
            resolve(undefined)
          },
          { once: true },
        )
        void dispatch()
      })
    },
  }
}

export type Poller = ReturnType<typeof openPoller>
