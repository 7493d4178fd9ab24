import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { DockerApi, DockerEvent, Listed } from './docker-api.ts'

/** What the daemon says, kept up in the background, so that a slow daemon delays no file. */
export interface DockerWatch {
  /** The last complete list, and when it was asked for (ms); undefined before the first. */
  view(): { containers: Map<string, Listed>; atMs: number } | undefined
  /** Docker's `containers` folder, once the daemon has told. */
  root(): string | undefined
  /** The answers of inspect asked for by `want`. */
  described(id: string): Record<string, unknown> | undefined
  /** Asks for a container's description (again). */
  want(id: string): void
  /** How the container died, if an event told. */
  death(id: string): DockerEvent | undefined
  forget(id: string): void
  trouble(): string | undefined
  close(): Promise<void>
}

export interface DockerWatchOptions {
  api: DockerApi
  clock: Clock
  /** Something is new. */
  onNews(): void
  onEvent(event: DockerEvent): void
}

/** The list is the truth; events only make it come sooner. */
const listMs = { withEvents: 5_000, without: 1_000, failing: 2_000 }
const maxDeaths = 1000

export function openDockerWatch({ api, clock, onNews, onEvent }: DockerWatchOptions): DockerWatch {
  const stopping = new AbortController()
  const descriptions = new Map<string, Record<string, unknown>>()
  const wanted = new Set<string>()
  const deaths = new Map<string, DockerEvent>()
  let view: ReturnType<DockerWatch['view']>
  let root: string | undefined
  let trouble: string | undefined
  let hasEvents = false
  let hint = new AbortController()

  async function ask() {
    root ??= await api.root()
    const atMs = clock.now()
    const listed = await api.list()
    const before = view?.containers
    for (const { id, running } of listed) {
      if (before && before.get(id)?.running !== running) wanted.add(id)
    }
    view = { containers: new Map(listed.map((one) => [one.id, one])), atMs }
    for (const id of wanted) {
      wanted.delete(id)
      const description = await api.inspect(id)
      if (description) descriptions.set(id, description)
    }
  }

  async function keepAsking() {
    while (!stopping.signal.aborted) {
      hint = new AbortController()
      try {
        await ask()
        trouble = undefined
      } catch (error) {
        trouble = explain(error)
      }
      onNews()
      if (wanted.size > 0 && !trouble) continue
      const ms = trouble ? listMs.failing : hasEvents ? listMs.withEvents : listMs.without
      await pause(ms * (0.9 + Math.random() / 5), AbortSignal.any([hint.signal, stopping.signal]))
    }
  }

  async function keepListening() {
    while (!stopping.signal.aborted) {
      try {
        hasEvents = true
        await api.events(onDockerEvent, stopping.signal)
      } catch {
        // The list fails as well, and tells.
      }
      hasEvents = false
      await pause(listMs.failing, stopping.signal)
    }
  }

  function onDockerEvent(event: DockerEvent) {
    if (event.action === 'die') deaths.set(event.id, event)
    if (deaths.size > maxDeaths) deaths.delete(deaths.keys().next().value as string)
    if (event.action !== 'destroy') wanted.add(event.id)
    onEvent(event)
    hint.abort()
  }

  const running = Promise.all([keepAsking(), keepListening()])
  return {
    view: () => view,
    root: () => root,
    described: (id) => descriptions.get(id),
    want(id) {
      wanted.add(id)
      hint.abort()
    },
    death: (id) => deaths.get(id),
    forget(id) {
      descriptions.delete(id)
      deaths.delete(id)
    },
    trouble: () => trouble,
    async close() {
      stopping.abort()
      await running
    },
  }
}
