import type { ChangeDoc } from '../pipeline/event.ts'
import { isObject } from './answer.ts'
import { clusterChange, isHistory, msToNs } from './mesos-changes.ts'
import type { FrameworksRead, MesosFramework } from './mesos-frameworks.ts'
import { joined } from './joined.ts'
import type { Collected, Sink } from './sink.ts'

export interface FrameworkBookOptions {
  /** Of the collector. */
  name: string
  cluster?: string | undefined
  sink: Pick<Sink, 'position' | 'positions'>
}

/** The frameworks of a cluster as they come and go; each is told once, also over restarts. */
export interface FrameworkBook {
  /**
   * As it was at `askedMs`: what events told since then is newer. `completed` are those that the master says are gone. That
   * one is not listed says nothing: rights may hide it.
   */
  list(
    list: Pick<FrameworksRead, 'frameworks' | 'completed'>,
    nowMs: number,
    askedMs?: number,
  ): Collected
  added(framework: MesosFramework, nowMs: number): Collected
  removed(framework: MesosFramework, nowMs: number): Collected
  nameOf(id: string | undefined): string | undefined
}

/** Names of frameworks that are gone; their tasks are still shown for a while. */
const maxGone = 1000

export function openFrameworkBook(options: FrameworkBookOptions): FrameworkBook {
  const { name, cluster, sink } = options
  const prefix = `${name}:framework:`
  const names = new Map<string, string>()
  /** When it was told, ms. */
  const gone = new Map<string, number>()
  for (const key of sink.positions(prefix)) {
    names.set(key.slice(prefix.length), nameIn(sink.position(key)))
  }
  let isFirst = names.size === 0

  function change(
    action: 'framework-added' | 'framework-removed',
    framework: MesosFramework,
    ns: bigint,
  ): ChangeDoc {
    const { id } = framework
    const called = names.get(id) || id
    const verb = action === 'framework-added' ? 'has registered' : 'is gone, with all its tasks'
    const message = `framework ${called} ${verb}`
    const fields = { 'mesos.framework.id': id, 'mesos.framework.name': called }
    return clusterChange({ action, id, message, timeNs: ns, cluster, fields })
  }

  function added(framework: MesosFramework, nowMs: number): Collected {
    const { id, registeredNs } = framework
    const before = names.get(id)
    const isKnown = before !== undefined && !gone.has(id)
    const now = framework.name ?? before ?? ''
    names.set(id, now)
    gone.delete(id)
    if (isKnown && before === now) return {}
    const isOld = isKnown || (isFirst && isHistory(registeredNs, nowMs))
    const changes = isOld
      ? []
      : [change('framework-added', framework, registeredNs ?? msToNs(nowMs))]
    return { changes, positions: { [prefix + id]: { name: now } } }
  }

  function removed(framework: MesosFramework, nowMs: number): Collected {
    const { id } = framework
    const isKnown = names.has(id) && !gone.has(id)
    if (framework.name !== undefined) names.set(id, framework.name)
    gone.set(id, nowMs)
    if (gone.size > maxGone) {
      const oldest = gone.keys().next().value as string
      gone.delete(oldest)
      names.delete(oldest)
    }
    if (!isKnown) return {}
    const changes = [change('framework-removed', framework, msToNs(nowMs))]
    return { changes, positions: { [prefix + id]: null } }
  }

  return {
    list({ frameworks, completed }, nowMs, askedMs = nowMs) {
      const isOver = ({ id }: MesosFramework) => (gone.get(id) ?? -Infinity) > askedMs
      const live = frameworks.filter((framework) => !isOver(framework))
      const ids = new Set(live.map(({ id }) => id))
      const batches = [
        ...live.map((framework) => added(framework, nowMs)),
        ...completed.filter(({ id }) => !ids.has(id)).map((one) => removed(one, nowMs)),
      ]
      isFirst &&= live.length === 0
      return joined(batches)
    },
    added,
    removed,
    nameOf: (id) => (id === undefined ? undefined : names.get(id) || undefined),
  }
}

function nameIn(stored: unknown): string {
  const name = isObject(stored) ? stored['name'] : undefined
  return typeof name === 'string' ? name : ''
}
