import type { ChangeDoc } from '../event.ts'
import { isoFrom, isoTo } from './range.ts'
import type { Audit, AuditScope, Store } from './store.ts'

/** Whether all lines of a time are there. */
export interface Losses extends Audit {
  /** Neither a gap nor anything told; lines that are still on their way are not missing. */
  complete: boolean
  /** Changes of kind `gap` and `drop`: what was gone before it was read, or had to be dropped. */
  told: ChangeDoc[]
}

/** What is told of a stretch of lines may stand at a later time: that of the first line behind it, or of its being dropped. */
const toldLaterMs = 24 * 3_600_000
const mostTold = 1000

/** The loss audit: sequences tell what went missing behind the collectors, changes what they never read. */
export async function findLosses(
  store: Pick<Store, 'audit' | 'docs'>,
  scope: AuditScope,
): Promise<Losses> {
  const { to } = scope
  const later = to === undefined ? scope : { ...scope, to: to + toldLaterMs }
  const [audit, changes] = await Promise.all([
    store.audit(scope),
    store.docs('changes', { ...later, kinds: ['gap', 'drop'], limit: mostTold }),
  ])
  const told = (changes as ChangeDoc[]).filter((change) => isWithin(change, scope))
  return { complete: audit.gaps.length + told.length === 0, ...audit, told }
}

function isWithin(change: ChangeDoc, { from, to }: AuditScope): boolean {
  const time = change['@timestamp']
  const { 'gap.last_read': begin, 'gap.first_available': end } = change
  return textOr(time, begin) < isoTo(to) && textOr(time, end) >= isoFrom(from)
}

const textOr = (time: string, known: unknown) => (typeof known === 'string' ? known : time)
