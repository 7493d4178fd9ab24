import type { SignalBucket } from './event.ts'
import type { Identity } from './identity.ts'
import type { SignalDeclaration, SignalDeclarations } from './signals.ts'

/**
 * Ends of tasks and services. They are measured beside the declared signals and published as buckets of this name, which
 * no declared signal can have: by them a group of samples that is over is told from one that nobody measures any more.
 */
export const endsSignal = '$ends'

type Counted = Pick<SignalDeclaration, 'from' | 'metric' | 'where' | 'by'>

const ends: Counted = {
  from: 'changes',
  where: 'kind:task OR (kind:deployment AND action:removed)',
  by: ['service', 'task', 'container'],
}

/** Those to be measured: with the ends, where samples are measured that may stop. */
export function withEnds(signals: Record<string, Counted>): Record<string, Counted> {
  const hasSamples = Object.values(signals).some(({ from }) => from === 'metrics')
  return hasSamples ? { ...signals, [endsSignal]: ends } : signals
}

/** Clocks differ, and a task may be measured once more while it ends, ms. */
const slackMs = 10_000

export interface Ends {
  put(bucket: SignalBucket): void
  /** Why nothing more comes of a group that was measured last at `lastMs`; undefined where that is not known. */
  endOf(group: Identity, lastMs: number): string | undefined
  /** Until when an evaluation may ask for it, ms of event time. */
  neededUntil(bucket: SignalBucket): number
  dropBefore(ts: number): void
}

/** What has ended lately: so long as samples from before may still be in a window. */
export function openEnds(signals: SignalDeclarations): Ends {
  const ended = new Map<string, number>()
  const windows = Object.values(signals).map(({ from, overMs }) =>
    from === 'metrics' ? overMs : 0,
  )
  const keepMs = Math.max(0, ...windows) + 2 * slackMs

  function isOver(part: string, name: string | undefined, lastMs: number): boolean {
    const endMs = name === undefined ? undefined : ended.get(`${part} ${name}`)
    return endMs !== undefined && lastMs <= endMs + slackMs
  }

  return {
    put({ group: { service, task, container }, count, lastMs }) {
      if (count === 0) return
      const note = (key: string) => ended.set(key, Math.max(lastMs, ended.get(key) ?? lastMs))
      if (task !== undefined) note(`task ${task}`)
      if (container !== undefined) note(`container ${container}`)
      if (task === undefined && container === undefined) note(`service ${service}`)
    },
    endOf({ service, task, container }, lastMs) {
      if (isOver('task', task, lastMs)) return 'its task has ended'
      if (isOver('container', container, lastMs)) return 'its container has ended'
      return isOver('service', service, lastMs) ? 'its service was removed' : undefined
    },
    neededUntil: ({ to }) => to + keepMs,
    dropBefore(ts) {
      for (const [key, endMs] of ended) if (endMs + keepMs < ts) ended.delete(key)
    },
  }
}
