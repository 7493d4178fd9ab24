import { pause } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { KnownAgent } from './mesos-agent-book.ts'
import type { Collector } from './sink.ts'

export interface AgentPool {
  /** Opens collectors of those that are new, and closes those of agents that are not among them any more. */
  sync(agents: readonly KnownAgent[]): void
  through(): number
  /** Of the agents in trouble the first, and how many there are. */
  trouble(): string | undefined
  close(): Promise<void>
}

/** Collectors are opened so far apart: each asks at once, and hundreds of answers together would only wait for each other. */
const staggerMs = 20

/** `open`: for an agent that has an address. */
export function openAgentPool(open: (agent: KnownAgent) => Promise<Collector>): AgentPool {
  const collectors = new Map<string, Collector>()
  const stopping = new AbortController()
  let wanted = new Map<string, KnownAgent>()
  let opening: Promise<void> | undefined
  const closing = new Set<Promise<void>>()

  function end(address: string, collector: Collector): void {
    collectors.delete(address)
    const closed = collector.close().finally(() => closing.delete(closed))
    closing.add(closed)
  }

  const missing = () => [...wanted.values()].find(({ address = '' }) => !collectors.has(address))

  function openMissing(): void {
    if (opening || stopping.signal.aborted || !missing()) return
    opening = openAll().finally(() => {
      opening = undefined
      openMissing()
    })
  }

  /** An address that cannot be used is somebody else's text: it is told, and the others are asked. */
  async function openOne(agent: KnownAgent): Promise<Collector> {
    try {
      return await open(agent)
    } catch (error) {
      const close = () => Promise.resolve()
      return { name: '', through: () => 0, trouble: () => explain(error), close }
    }
  }

  async function openAll(): Promise<void> {
    for (let next = missing(); next && !stopping.signal.aborted; next = missing()) {
      const address = next.address as string
      const collector = await openOne(next)
      collectors.set(address, collector)
      // It may have gone meanwhile.
      if (!wanted.has(address)) end(address, collector)
      await pause(staggerMs, stopping.signal)
    }
  }

  return {
    sync(agents) {
      if (stopping.signal.aborted) return
      wanted = new Map(agents.flatMap((agent) => (agent.address ? [[agent.address, agent]] : [])))
      for (const [address, collector] of collectors) {
        if (!wanted.has(address)) end(address, collector)
      }
      openMissing()
    },
    through() {
      // One that was just opened has seen nothing yet: it holds back nobody.
      const all = [...collectors.values()].map((collector) => collector.through())
      return Math.min(...all.filter((ms) => ms > 0))
    },
    trouble() {
      const troubles = [...collectors.values()].flatMap((collector) => collector.trouble() ?? [])
      const more = troubles.length > 1 ? ` (and ${troubles.length - 1} more agents)` : ''
      return troubles.length > 0 ? `${troubles[0]}${more}` : undefined
    },
    async close() {
      stopping.abort()
      await opening
      for (const [address, collector] of collectors) end(address, collector)
      await Promise.all(closing)
    },
  }
}
