import { randomUUID } from 'node:crypto'
import { pause, type Clock } from '../../pipeline/clock.ts'
import type { Face, Leading, Misbehavior } from '../misbehave.ts'
import type { Cluster } from './cluster.ts'
import { openMesosMaster } from './master.ts'

/** Masters of one cluster, of which one leads. */
export interface Masters extends Leading {
  urls: string[]
  misbehave(kind: Misbehavior | undefined): void
  close(): Promise<void>
}

export interface MastersOptions {
  cluster: Cluster
  count: number
  clock: Clock
}

/** The first one leads. Rejects where they cannot listen. */
export async function openMasters({ cluster, count, clock }: MastersOptions): Promise<Masters> {
  const ids = [cluster.masterId]
  while (ids.length < count) ids.push(randomUUID())
  const faces: Face[] = []
  const closing = new AbortController()
  let leader: number | undefined = 0
  let elections = Promise.resolve()

  for (const index of ids.keys()) {
    const isLeader = () => leader === index
    const leaderAddress = () => {
      const face = leader === undefined ? undefined : faces[leader]
      return face && new URL(face.url).host
    }
    faces.push(await openMesosMaster({ cluster, port: 0, isLeader, leaderAddress, clock }))
  }

  async function elect(forMs: number): Promise<void> {
    const last = leader ?? 0
    leader = undefined
    cluster.elect(undefined)
    await pause(forMs, closing.signal)
    leader = (last + 1) % ids.length
    cluster.elect(ids[leader])
  }

  return {
    urls: faces.map(({ url }) => url),
    misbehave: (kind) => {
      for (const face of faces) face.misbehave(kind)
    },
    loseLeader(forMs) {
      elections = elections.then(() => elect(forMs))
      return elections
    },
    async close() {
      closing.abort()
      await Promise.all(faces.map((face) => face.close()))
    },
  }
}
