import { isoToMs } from '../event.ts'
import { identityFromEcs, type Identity } from '../identity.ts'
import type { StoredDoc } from '../store/store.ts'
import { withoutUndefined } from '../without-undefined.ts'
import { signalName } from './signal.ts'

/** What the change of kind `task` itself tells of the end; absent is what nobody told. */
export interface EndFacts {
  atMs: number
  /** `killed` is what was asked for: a deployment, fewer instances, a person. */
  ending: 'died' | 'killed' | 'finished'
  /** Whether somebody asked for it. */
  planned: boolean
  message: string
  identity: Identity
  exitCode?: number
  /** By the exit code: 137 → `SIGKILL`. */
  signal?: string
  outOfMemory: boolean
  /** Bytes, as measured last. */
  memoryUsage?: number
  memoryLimit?: number
  uptimeSeconds?: number
  state?: string
  reason?: string
  /** What Mesos or Marathon says of it. */
  says?: string
  /** Why its health checks failed, if it was killed for that; empty where nobody told. */
  unhealthy?: string
  /** `docker`, `mesos`, `marathon`. */
  toldBy: string[]
}

/** Undefined for a document that tells of no end. Never throws. */
export function readEnd(doc: StoredDoc): EndFacts | undefined {
  const { 'event.kind': kind, 'event.action': action } = doc as Record<string, unknown>
  const ending = (['died', 'killed', 'finished'] as const).find((one) => one === action)
  if (kind !== 'task' || !ending) return undefined
  const exitCode = number(doc['process.exit_code'])
  const told = doc['task.told_by']
  return {
    atMs: isoToMs(doc['@timestamp']),
    ending,
    planned: ending === 'killed',
    message: text(doc['message']) ?? '',
    identity: identityFromEcs(doc),
    outOfMemory: doc['container.oom_killed'] === true,
    toldBy: Array.isArray(told) ? told.filter((one) => typeof one === 'string') : [],
    ...withoutUndefined({
      exitCode,
      signal: signalName(exitCode),
      memoryUsage: number(doc['container.memory.usage']),
      memoryLimit: number(doc['container.memory.limit']),
      uptimeSeconds: number(doc['task.uptime_seconds']),
      state: text(doc['task.state']),
      reason: text(doc['task.reason']),
      says: text(doc['task.message']),
      unhealthy: typeof doc['task.unhealthy'] === 'string' ? doc['task.unhealthy'] : undefined,
    }),
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
