import { isoToMs, type LogDoc } from '../../pipeline/event.ts'
import { identityFields } from '../../pipeline/identity.ts'
import type { DocQuery, StoredDoc } from '../../pipeline/store/store.ts'
import type { EvidenceOptions, SampleQuery } from '../evidence.ts'
import type { Notification } from '../records.ts'
import { isAboutAbsence } from '../words.ts'
import { allOf, fieldIs, restrictions, searchOnce, searchUntil, servicesOf } from './search.ts'

/** Asks the store for changes. */
export type ChangesFunction = (query: DocQuery) => Promise<StoredDoc[]>

export interface ChangesFound {
  /** Those that were counted, newest first. */
  changes: StoredDoc[]
  /** The last ones of the task of the newest change. */
  lines: LogDoc[]
  /** Likewise, where they cannot be searched: as they were kept with its end. */
  lastLines: string[]
  missing: string | undefined
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
  return { changes: found, lines, lastLines: lines.length > 0 ? [] : lastLines, missing }
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
