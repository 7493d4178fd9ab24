import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { LogDoc } from '../pipeline/event.ts'
import { isoToMs } from '../pipeline/event.ts'
import { identityFields, type Identity } from '../pipeline/identity.ts'
import type { Notification } from './records.ts'
import { isAboutAbsence } from './words.ts'

/** Asks the store for lines. */
export type SampleFunction = (query: SampleQuery) => Promise<LogDoc[]>

/** `from` ≤ time < `to`, ms. */
export interface SampleQuery {
  service?: string
  query: string
  from: number
  to: number
  limit: number
}

/** The lines behind an alert. */
export interface Evidence {
  /** What selects exactly these lines, also for the link. */
  query: SampleQuery
  /** Ascending by time. */
  lines: LogDoc[]
  /** Who wrote them. */
  tasks: string[]
  agents: string[]
  owner: string | undefined
  runbook: string | undefined
  /** Set where lines should be there and are not. */
  missing: string | undefined
}

export interface EvidenceOptions {
  samples: SampleFunction
  clock: Clock
  /** Lines can become searchable a moment after they were measured: how long to wait for them, ms. */
  patienceMs?: number
  signal: AbortSignal
}

/** How many lines are looked at, to name the instances. */
const lookAt = 200
const defaultPatienceMs = 5000

/** Finds the lines; never throws: a mail without them is better than none. */
export async function gatherEvidence(
  notification: Notification,
  options: EvidenceOptions,
): Promise<Evidence> {
  const query = linesBehind(notification)
  const patienceMs = options.patienceMs ?? defaultPatienceMs
  const until = options.clock.now() + (notification.state === 'firing' ? patienceMs : 0)
  const { lines, missing } = await searchUntil(query, until, options)
  return {
    query,
    lines: lines.toSorted((a, b) => (a['@timestamp'] < b['@timestamp'] ? -1 : 1)),
    tasks: distinct(lines, identityFields.task),
    agents: distinct(lines, identityFields.agent),
    owner: distinct(lines, identityFields.owner)[0],
    runbook: distinct(lines, identityFields.runbook)[0],
    missing,
  }
}

async function searchUntil(query: SampleQuery, until: number, options: EvidenceOptions) {
  for (;;) {
    let missing = 'no matching lines were found'
    try {
      const timeoutMs = Math.max(1000, until - options.clock.now())
      const lines = await withTimeout(options.samples(query), timeoutMs, options.signal)
      if (lines.length > 0) return { lines, missing: undefined }
    } catch (error) {
      missing = `the lines could not be searched: ${explain(error)}`
    }
    if (options.clock.now() >= until || options.signal.aborted) return { lines: [], missing }
    await pause(250, options.signal)
  }
}

async function withTimeout<T>(action: Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
  const answered = new AbortController()
  const expired = pause(ms, AbortSignal.any([signal, answered.signal])).then(() => {
    throw new Error(`no answer within ${Math.round(ms / 1000)} s`)
  })
  return Promise.race([action, expired]).finally(() => answered.abort())
}

/** The lines that were counted: of the first signal, from the first window on; for silence the last line alone. */
export function linesBehind({
  facts,
  alert,
  ts,
}: Pick<Notification, 'facts' | 'alert' | 'ts'>): SampleQuery {
  const signal = facts.signals[0]
  const query = [signal?.where ?? '', ...restrictions(alert.group)].filter((part) => part !== '')
  const service = alert.group.service
  const range = isAboutAbsence(facts)
    ? { from: alert.lastMs, to: alert.lastMs + 1 }
    : { from: alert.activeAt - (signal?.overMs ?? 0), to: alert.resolvedAt ?? ts }
  return {
    ...(service === undefined ? {} : { service }),
    query: query.length > 1 ? query.map((part) => `(${part})`).join(' AND ') : (query[0] ?? ''),
    ...range,
    limit: lookAt,
  }
}

/** The group's fields beside the service. */
function restrictions(group: Identity): string[] {
  const parts: string[] = []
  for (const [name, value] of Object.entries(group)) {
    if (name === 'service' || typeof value !== 'string') continue
    parts.push(`${name}:"${value.replace(/["\\]/g, '\\$&')}"`)
  }
  return parts
}

function distinct(lines: readonly LogDoc[], field: string): string[] {
  const values = lines.map((line) => line[field]).filter((value) => typeof value === 'string')
  return [...new Set(values)].toSorted()
}

/** When a line was written, ms. */
export function timeOf(line: LogDoc): number {
  return isoToMs(line['@timestamp'])
}
