import type { ChangeDoc } from '../pipeline/event.ts'
import { leaderChange } from './marathon-changes.ts'
import type { MarathonMemory } from './marathon-memory.ts'

export interface Leader {
  current(): string | undefined
  /** `/v2/info` named this leader. */
  told(leader: string | undefined, nowMs: number): ChangeDoc[]
  /** An answer said that there is none. */
  lost(why: string, nowMs: number): ChangeDoc[]
}

/** What answers say when a standby does not know whom to ask. */
const noLeader = /\bleader\b/i

/** Whether a failure means that Marathon has no leader. */
export const saysNoLeader = (failure: string) =>
  /answered (404|502|503)/.test(failure) && noLeader.test(failure.split(/answered \d+/)[1] ?? '')

/** Tells of leaders that change, are lost and elected again; the first that is seen is no news. */
export function openLeader(
  memory: MarathonMemory,
  { name, cluster }: { name: string; cluster: string | undefined },
): Leader {
  return {
    current: () => memory.leader().leader,
    told(leader, nowMs) {
      const before = memory.leader()
      if (leader === undefined || (leader === before.leader && !before.lost)) return []
      memory.setLeader({ leader })
      if (before.leader === undefined && !before.lost) return []
      const was = before.leader === undefined ? '' : `, before it was ${before.leader}`
      const message = before.lost
        ? `Marathon has a leader again: ${leader}${was}`
        : `Marathon has a new leader: ${leader}${was}`
      return [leaderChange(name, 'leader-elected', nowMs, message, cluster)]
    },
    lost(why, nowMs) {
      const before = memory.leader()
      if (before.lost) return []
      memory.setLeader({ ...before, lost: true })
      return [leaderChange(name, 'leader-lost', nowMs, `Marathon has no leader: ${why}`, cluster)]
    },
  }
}
