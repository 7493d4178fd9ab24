import type { Clock } from '../pipeline/clock.ts'
import type { Told } from './docker-changes.ts'
import { asObject, unknownContainer } from './docker-identity.ts'
import { lifeKeyOf, logKeyOf, type DockerPosition } from './docker-streams.ts'
import { unreadChange } from './gaps.ts'
import type { Pump } from './pump.ts'
import type { Sink } from './sink.ts'

export interface DockerOrphansOptions {
  /** Of the collector: its positions begin with it. */
  name: string
  naming: Parameters<typeof unknownContainer>[1]
  sink: Sink
  clock: Clock
  put: Pump['put']
  /** How long one must be away before it is forgotten, ms. */
  forgetMs: number
}

/** Containers that were removed while nobody was here: they have a position and are not found. */
export function openDockerOrphans({
  name,
  naming,
  sink,
  clock,
  put,
  forgetMs,
}: DockerOrphansOptions) {
  const startedMs = clock.now()
  const prefix = logKeyOf(name, '')
  /** Since when each was not found, by id. */
  const orphans = new Map(
    sink.positions(prefix).map((key) => [key.slice(prefix.length), startedMs]),
  )

  function forget(id: string, nowMs: number) {
    orphans.delete(id)
    const source = logKeyOf(name, id)
    const { streams = {} } = asObject(sink.position(source)) as Partial<DockerPosition>
    const told = asObject(sink.position(lifeKeyOf(name, id))) as Told
    const times = Object.values(streams).map(({ time }) => time)
    const identity = unknownContainer(id, naming)
    const about = { source, name: `container ${id.slice(0, 12)}`, identity }
    const read = { at: 0, lastTime: times.toSorted().at(-1) }
    put({
      changes: told.running === false ? [] : [unreadChange({ ...about, ...read }, nowMs)],
      positions: { [source]: null, [lifeKeyOf(name, id)]: null },
    })
  }

  /** Forgets those that stayed away, and tells what of them was not read. */
  return (isThere: (id: string) => boolean, nowMs: number) => {
    for (const [id, sinceMs] of orphans) {
      if (isThere(id)) orphans.delete(id)
      else if (nowMs - sinceMs >= forgetMs) forget(id, nowMs)
    }
  }
}
