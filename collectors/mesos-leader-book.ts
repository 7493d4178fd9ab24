import { isObject } from './answer.ts'
import { clusterChange, isHistory, msToNs } from './mesos-changes.ts'
import type { Leader } from './mesos-operator.ts'
import type { Collected, Sink } from './sink.ts'

export interface LeaderBookOptions {
  /** Of the collector. */
  name: string
  cluster?: string | undefined
  sink: Pick<Sink, 'position'>
}

/** Who leads the masters; each election and each loss is told once, also over restarts. */
export interface LeaderBook {
  /** `address`: where it answers, for masters that do not tell who they are. */
  leads(leader: Leader | undefined, address: string, nowMs: number): Collected
  lost(why: string, nowMs: number): Collected
}

export function openLeaderBook({ name, cluster, sink }: LeaderBookOptions): LeaderBook {
  const key = `${name}:leader`
  const stored = sink.position(key)
  const isFirst = !isObject(stored)
  let known = isObject(stored) ? textOf(stored, 'leader') : undefined
  let isLost = isObject(stored) && stored['lost'] === true

  const position = () => ({ positions: { [key]: { leader: known ?? '', lost: isLost } } })

  return {
    leads(leader, address, nowMs) {
      const id = leader?.id ?? address
      // The same master may lead again after it had lost the others.
      const election = `${id} ${leader?.electedNs ?? ''}`
      if (election === known && !isLost) return {}
      const electedNs = leader?.electedNs
      // Of a first start: who has led for long, or since nobody knows when, is no news.
      const isNews = isLost || !isFirst || known !== undefined || isRecent(electedNs, nowMs)
      const isNew = election !== known
      known = election
      isLost = false
      if (!isNews) return position()
      const host = leader?.hostname
      const message = `${host ?? address} leads the Mesos masters${isNew ? '' : ' again'}`
      const timeNs = isNew && electedNs !== undefined ? electedNs : msToNs(nowMs)
      const fields = { 'mesos.leader.address': leader?.pid?.split('@')[1] ?? address }
      const action = 'leader-elected' as const
      return {
        changes: [clusterChange({ action, id, message, timeNs, cluster, host, fields })],
        ...position(),
      }
    },
    lost(why, nowMs) {
      if (isLost) return {}
      isLost = true
      const message = `the Mesos masters have no leader: ${why}`
      const id = known?.split(' ')[0] ?? name
      return {
        changes: [
          clusterChange({ action: 'leader-lost', id, message, timeNs: msToNs(nowMs), cluster }),
        ],
        ...position(),
      }
    },
  }
}

const isRecent = (timeNs: bigint | undefined, nowMs: number) =>
  timeNs !== undefined && !isHistory(timeNs, nowMs)

function textOf(stored: Record<string, unknown>, key: string): string | undefined {
  const value = stored[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}
