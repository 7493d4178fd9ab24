import { isoToMs, type LogDoc } from '../../pipeline/event.ts'
import { identityFields } from '../../pipeline/identity.ts'
import {
  deploymentBefore,
  nthDeath,
  type AskChanges,
  type DeploymentBefore,
} from '../../pipeline/post-mortem/around.ts'
import { readEnd } from '../../pipeline/post-mortem/facts.ts'
import type { DocQuery, StoredDoc } from '../../pipeline/store/store.ts'
import { within } from '../../pipeline/within.ts'
import type { EvidenceOptions, SampleQuery } from '../evidence.ts'
import type { Notification } from '../records.ts'
import { isAboutAbsence } from '../words.ts'
import { allOf, fieldIs, restrictions, searchOnce, searchUntil, servicesOf } from './search.ts'

/** What happened to the service around the end of a task. */
export interface Around {
  /** The n-th death within ten minutes. */
  nth?: number
  /** The last one that began before it. */
  deployment?: DeploymentBefore
}

export interface ChangesFound {
  /** Those that were counted, newest first. */
  changes: StoredDoc[]
  /** The last ones of the task of the newest change. */
  lines: LogDoc[]
  /** Likewise, where they cannot be searched: as they were kept with its end. */
  lastLines: string[]
  missing: string | undefined
  /** Of the newest change, if it is the end of a task. */
  around?: Around
}

const maxChanges = 20
const maxLines = 100
const dayMs = 86_400_000

/** The query of the rule's first signal, in the group: what selects exactly these changes, also for the link. */
export function changesBehind({
  facts,
  alert,
  ts,
}: Pick<Notification, 'facts' | 'alert' | 'ts'>): DocQuery & { query: string } {
  const { where = '', overMs = 0 } = facts.signals[0] ?? {}
  const range = isAboutAbsence(facts)
    ? { from: alert.lastMs, to: alert.lastMs + 1 }
    : { from: alert.activeAt - overMs, to: alert.resolvedAt ?? ts }
  return {
    ...servicesOf(alert.group),
    query: allOf([where, ...restrictions(alert.group)]),
    ...range,
    limit: maxChanges,
  }
}

/** What else happened to the service; what is not found in time is left out. */
async function aroundEnd(
  change: StoredDoc,
  ask: AskChanges,
  signal: AbortSignal,
): Promise<Around | undefined> {
  const end = readEnd(change)
  if (!end) return undefined
  const quietly = <T>(found: Promise<T>) => within(found, 2000, signal).catch(() => undefined)
  const [nth, deployment] = await Promise.all([
    quietly(nthDeath(ask, end)),
    quietly(deploymentBefore(ask, end)),
  ])
  return { ...(nth === undefined ? {} : { nth }), ...(deployment ? { deployment } : {}) }
}

/** Never throws: a mail without them is better than none. */
export async function findChanges(
  notification: Notification,
  until: number,
  { changes, samples, clock, signal }: EvidenceOptions,
): Promise<ChangesFound> {
  const nothing = { changes: [], lines: [], lastLines: [], missing: undefined }
  if (!changes) return nothing
  const query = changesBehind(notification)
  const { found, missing } = await searchUntil(
    { ask: () => changes(query), isEnough: isWhole, what: 'the changes' },
    { clock, signal, until },
  )
  const [newest] = found
  if (!newest) return { ...nothing, missing: missing ?? 'no matching changes were found' }
  const lastLines = textsIn(newest['task.last_lines'])
  const behind = linesOfTask(newest)
  const lines = behind ? await searchOnce(() => samples(behind), { signal }) : []
  const around = await aroundEnd(newest, changes, signal)
  return {
    changes: found,
    lines,
    lastLines: lines.length > 0 ? [] : lastLines,
    missing,
    ...(around ? { around } : {}),
  }
}

/** The end of a task is told at once, and a moment later again with its last lines: those are waited for. */
function isWhole([newest]: StoredDoc[]): boolean {
  if (!newest) return false
  return newest['event.kind'] !== 'task' || Array.isArray(newest['task.last_lines'])
}

/** What the task of a change wrote up to it; undefined for a change of no task. */
export function linesOfTask(change: StoredDoc): SampleQuery | undefined {
  const task = change[identityFields.task]
  const service = change[identityFields.service]
  if (typeof task !== 'string') return undefined
  const at = isoToMs(change['@timestamp'])
  return {
    ...(typeof service === 'string' ? { service } : {}),
    query: fieldIs('task', task),
    from: at - dayMs,
    to: at + 1000,
    limit: maxLines,
  }
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : []
}
