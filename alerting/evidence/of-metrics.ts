import type { LogDoc, SampleDoc } from '../../pipeline/event.ts'
import { identityFields } from '../../pipeline/identity.ts'
import { parseQuery } from '../../pipeline/query.ts'
import type { SampleQuery as StoreSampleQuery } from '../../pipeline/store/store.ts'
import type { EvidenceOptions, SampleQuery } from '../evidence.ts'
import type { Notification } from '../records.ts'
import { isAboutAbsence } from '../words.ts'
import { allOf, restrictions, searchOnce, servicesOf } from './search.ts'

/** Asks the store for samples. */
export type MeasurementsFunction = (query: StoreSampleQuery) => Promise<SampleDoc[]>

/** What one task, agent or service was measured to have. */
export interface Measured {
  task?: string
  agent?: string
  value: number
}

export interface MetricsFound {
  /** The worst first. */
  measured: Measured[]
  /** The last errors of the service. */
  lines: LogDoc[]
  missing: string | undefined
}

const lookAt = 1000
const shown = 20
const errorLines = 20
/** Values are measured every few seconds; those of a minute hold one of each. */
const lookBackMs = 60_000
const errorsMs = 15 * 60_000

/** The errors around the alert. */
export function errorsBehind({
  alert,
  ts,
}: Pick<Notification, 'alert' | 'ts'>): SampleQuery | undefined {
  const { service } = alert.group
  if (service === undefined) return undefined
  return {
    service,
    query: allOf(['level:error OR level:fatal', ...restrictions(alert.group)]),
    from: alert.activeAt - errorsMs,
    to: alert.resolvedAt ?? ts,
    limit: errorLines,
  }
}

/** Never throws: a mail without them is better than none. */
export async function findMeasurements(
  notification: Notification,
  { measurements, samples, signal }: EvidenceOptions,
): Promise<MetricsFound> {
  const errors = errorsBehind(notification)
  const [docs, lines] = await Promise.all([
    measurements ? searchOnce(() => askFor(notification, measurements), { signal }) : [],
    errors ? searchOnce(() => samples(errors), { signal }) : [],
  ])
  return { measured: newestOfEach(docs, notification), lines, missing: undefined }
}

function askFor({ facts, alert, ts }: Notification, measurements: MeasurementsFunction) {
  const { metric, overMs = 0 } = facts.signals[0] ?? {}
  const { task } = alert.group
  const to = isAboutAbsence(facts) ? alert.lastMs + 1 : ts
  return measurements({
    ...servicesOf(alert.group),
    ...(task === undefined ? {} : { task }),
    ...(metric === undefined ? {} : { metric }),
    from: to - Math.max(overMs, lookBackMs),
    to,
    limit: lookAt,
  })
}

/** Those the signal was measured from. */
function newestOfEach(docs: readonly SampleDoc[], { facts, alert }: Notification): Measured[] {
  const { metric, where = '' } = facts.signals[0] ?? {}
  if (metric === undefined) return []
  const wanted = parseQuery(allOf([where, ...restrictions(alert.group)]))
  const newest = new Map<string, Measured>()
  for (const doc of docs) {
    const value = doc.metrics[metric]
    if (value === undefined || !wanted.matches(doc)) continue
    const [task, agent] = [textIn(doc, 'task'), textIn(doc, 'agent')]
    const key = `${task ?? ''} ${agent ?? ''}`
    // Newest first.
    if (newest.has(key)) continue
    newest.set(key, { ...(task && { task }), ...(agent && { agent }), value })
  }
  const sign = facts.lowIsWorse ? 1 : -1
  return [...newest.values()].toSorted((a, b) => sign * (a.value - b.value)).slice(0, shown)
}

function textIn(doc: SampleDoc, part: 'task' | 'agent'): string | undefined {
  const value = doc[identityFields[part]]
  return typeof value === 'string' ? value : undefined
}
