import type { Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { isoToMs, type LogDoc } from '../pipeline/event.ts'
import { identityFields } from '../pipeline/identity.ts'
import type { AskChanges } from '../pipeline/post-mortem/around.ts'
import type { StoredDoc } from '../pipeline/store/store.ts'
import { findChanges, type Around } from './evidence/of-changes.ts'
import {
  findMeasurements,
  type Measured,
  type MeasurementsFunction,
} from './evidence/of-metrics.ts'
import { allOf, distinct, restrictions, searchUntil } from './evidence/search.ts'
import type { Notification } from './records.ts'
import { isAboutAbsence, topicOf } from './words.ts'

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

/** What is known of a service beside its events. */
export interface ServiceFacts {
  owner?: string
  runbook?: string
  /** Wanted. */
  instances?: number
  running?: number
  healthy?: number
  hasChecks?: boolean
}

/** What is behind an alert. */
export interface Evidence {
  /** What selects exactly the lines of an alert on lines, also for the link. */
  query: SampleQuery
  /** Ascending by time. Of an alert on changes those of its task, on metrics the last errors. */
  lines: LogDoc[]
  /** Who wrote them, was changed, was measured. */
  tasks: string[]
  agents: string[]
  owner: string | undefined
  runbook: string | undefined
  /** Set where something should be there and is not. */
  missing: string | undefined
  /** Of an alert on changes: newest first. */
  changes?: StoredDoc[]
  /** Of the end of a task: which death it is, and the deployment before it. */
  around?: Around
  /** Last lines without their times, where they cannot be searched any more. */
  lastLines?: string[]
  /** Of an alert on metrics: the worst first. */
  measured?: Measured[]
  service?: ServiceFacts
}

/** What others tell about an alert. */
export interface EvidenceSources {
  /** The store's search. */
  samples: SampleFunction
  /** The store's changes; without it alerts on changes go without them. */
  changes?: AskChanges
  /** The store's samples of metrics. */
  measurements?: MeasurementsFunction
  /** What Marathon tells of a service. */
  aboutService?: (service: string) => ServiceFacts | undefined
}

export interface EvidenceOptions extends EvidenceSources {
  clock: Clock
  /** Lines can become searchable a moment after they were measured: how long to wait for them, ms. */
  patienceMs?: number
  signal: AbortSignal
}

/** How many lines are looked at, to name the instances. */
const lookAt = 200
const defaultPatienceMs = 5000

/** Finds what is behind an alert; never throws: a mail without it is better than none. */
export async function gatherEvidence(
  notification: Notification,
  options: EvidenceOptions,
): Promise<Evidence> {
  const patienceMs = options.patienceMs ?? defaultPatienceMs
  const until = options.clock.now() + (notification.state === 'firing' ? patienceMs : 0)
  const found = await findBehind(notification, until, options).catch(notFound)
  const { lines, changes = [], measured = [] } = found
  const told = [...lines, ...changes]
  const named = (part: 'task' | 'agent', more: (string | undefined)[]) => {
    const all = [
      ...distinct(told, identityFields[part]),
      ...more.filter((one) => one !== undefined),
    ]
    return [...new Set(all)].toSorted()
  }
  const { service } = notification.alert.group
  const about = service === undefined ? undefined : aboutOf(service, options)
  return {
    query: linesBehind(notification),
    ...found,
    lines: lines.toSorted((a, b) => (a['@timestamp'] < b['@timestamp'] ? -1 : 1)),
    tasks: named(
      'task',
      measured.map(({ task }) => task),
    ),
    agents: named(
      'agent',
      measured.map(({ agent }) => agent),
    ),
    owner: distinct(told, identityFields.owner)[0] ?? about?.owner,
    runbook: distinct(told, identityFields.runbook)[0] ?? about?.runbook,
    ...(about ? { service: about } : {}),
  }
}

type Found = Pick<Evidence, 'lines' | 'changes' | 'around' | 'lastLines' | 'measured' | 'missing'>

function notFound(error: unknown): Found {
  return { lines: [], missing: `what is behind it could not be found: ${explain(error)}` }
}

function findBehind(
  notification: Notification,
  until: number,
  options: EvidenceOptions,
): Promise<Found> {
  const topic = topicOf(notification.facts)
  if (topic === 'changes') return findChanges(notification, until, options)
  if (topic === 'metrics') return findMeasurements(notification, options)
  return findLines(notification, until, options)
}

async function findLines(
  notification: Notification,
  until: number,
  { samples, clock, signal }: EvidenceOptions,
): Promise<Found> {
  const query = linesBehind(notification)
  const { found, missing = 'no matching lines were found' } = await searchUntil(
    { ask: () => samples(query), isEnough: (lines) => lines.length > 0, what: 'the lines' },
    { clock, signal, until },
  )
  return { lines: found, missing: found.length > 0 ? undefined : missing }
}

/** Whoever tells it may fail: nobody is to be left without a mail for that. */
function aboutOf(service: string, { aboutService }: EvidenceSources): ServiceFacts | undefined {
  try {
    return aboutService?.(service)
  } catch {
    return undefined
  }
}

/** The lines that were counted: of the first signal, from the first window on; for silence the last line alone. */
export function linesBehind({
  facts,
  alert,
  ts,
}: Pick<Notification, 'facts' | 'alert' | 'ts'>): SampleQuery {
  const signal = facts.signals[0]
  const service = alert.group.service
  const range = isAboutAbsence(facts)
    ? { from: alert.lastMs, to: alert.lastMs + 1 }
    : { from: alert.activeAt - (signal?.overMs ?? 0), to: alert.resolvedAt ?? ts }
  return {
    ...(service === undefined ? {} : { service }),
    query: allOf([signal?.where ?? '', ...restrictions(alert.group)]),
    ...range,
    limit: lookAt,
  }
}

/** When something was, ms. */
export function timeOf(doc: { '@timestamp': string }): number {
  return isoToMs(doc['@timestamp'])
}
