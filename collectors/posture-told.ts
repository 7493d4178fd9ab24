import type { Clock } from '../pipeline/clock.ts'
import type { Identity } from '../pipeline/identity.ts'
import { ownLabel } from '../pipeline/own-label.ts'
import { serviceOnly, type Posture, type Verdicts } from '../pipeline/posture.ts'
import { isObject } from './answer.ts'
import { hashOf } from './fingerprint.ts'
import type { Collected, Sink } from './sink.ts'

export interface PostureToldOptions {
  /** Of the collector. */
  name: string
  of: Posture['of']
  sink: Pick<Sink, 'position' | 'positions'>
  clock: Clock
}

/** What a collector has told of postures: each once, again when it changes and some times a day. */
export interface PostureTold {
  /** To be appended; nothing where that was told, or where it is not known whose it is. */
  tell(id: string, identity: Identity, findings: Verdicts): Collected
  /** It runs no more, or is no more. */
  gone(id: string): Collected
  /** Of containers those that are due again; apps are told of with each poll. */
  due(): Collected
  /** What an earlier life of ours told of, and is not there. */
  missing(isThere: (id: string) => boolean): Collected
}

/** Processors forget one that is silent for a day (`processors/posture.ts`). */
const againMs = 6 * 3_600_000

interface Told {
  hash: string
  atMs: number
  posture?: Posture
}

export function openPostureTold({ name, of, sink, clock }: PostureToldOptions): PostureTold {
  const prefix = `${name}:posture:`
  const told = new Map<string, Told>()
  for (const key of sink.positions(prefix)) {
    const known = readTold(sink.position(key))
    if (known) told.set(key.slice(prefix.length), known)
  }
  let dueMs = clock.now() + againMs

  function put(id: string, posture: Posture, hash: string): Collected {
    const atMs = clock.now()
    const now = { ...posture, atMs }
    told.set(id, { hash, atMs, ...(of === 'container' ? { posture: now } : {}) })
    return { postures: [now], positions: { [prefix + id]: { hash, atMs } } }
  }

  function gone(id: string): Collected {
    if (!told.delete(id)) return {}
    return { postures: [{ of, id, gone: true }], positions: { [prefix + id]: null } }
  }

  const all = (parts: readonly Collected[]): Collected => ({
    postures: parts.flatMap(({ postures = [] }) => postures),
    positions: Object.assign({}, ...parts.map(({ positions }) => positions)),
  })

  return {
    tell(id, identity, findings) {
      const { service } = identity
      if (service === undefined) return {}
      const accept = ownLabel(identity.labels, 'posture.accept')
      const about = { identity: { ...serviceOnly(identity), service }, findings }
      const posture = {
        v: 1,
        of,
        id,
        ...about,
        ...(accept === undefined ? {} : { accept }),
      } as const
      const hash = hashOf(JSON.stringify(posture))
      const known = told.get(id)
      const isTold = known?.hash === hash && clock.now() - known.atMs < againMs
      if (!isTold) return put(id, { ...posture, atMs: 0 }, hash)
      if (of === 'container') known.posture = { ...posture, atMs: known.atMs }
      return {}
    },
    gone,
    due() {
      const nowMs = clock.now()
      if (nowMs < dueMs) return {}
      dueMs = nowMs + againMs / 6
      const old = [...told].filter(([, { atMs }]) => nowMs - atMs >= againMs)
      return all(old.map(([id, { posture, hash }]) => (posture ? put(id, posture, hash) : {})))
    },
    missing: (isThere) => all([...told.keys()].filter((id) => !isThere(id)).map(gone)),
  }
}

function readTold(position: unknown): Told | undefined {
  if (!isObject(position)) return undefined
  const { hash, atMs } = position
  return typeof hash === 'string' && typeof atMs === 'number' ? { hash, atMs } : undefined
}
