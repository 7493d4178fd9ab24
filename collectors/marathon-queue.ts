import type { QueueState } from '../pipeline/service-state.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { partOf, type Part, type Problem } from './answer.ts'
import { countOf, pathOf } from './marathon-values.ts'

export interface QueueRead {
  /** By the id of the app or pod; undefined where there is no queue at all. */
  queue: Map<string, QueueState> | undefined
  problems: Problem[]
}

/** Marathon's words for what an offer lacks. */
const lacks: Record<string, string> = {
  InsufficientCpus: 'cpus',
  InsufficientMemory: 'mem',
  InsufficientDisk: 'disk',
  InsufficientGpus: 'gpus',
  InsufficientPorts: 'ports',
  UnfulfilledRole: 'role',
  UnfulfilledConstraint: 'constraints',
  NoCorrespondingReservationFound: 'reservation',
  AgentMaintenance: 'maintenance',
  AgentDraining: 'maintenance',
  DeclinedScarceResources: 'scarce resources',
}

/** `/v2/queue`. Never throws. */
export function readQueue(answer: unknown): QueueRead {
  const problems: Problem[] = []
  const part = partOf(answer, problems)
  if (part && !part.has('queue')) part.note('no queue')
  const items = part?.parts('queue') ?? []
  if (!Array.isArray(part?.fields['queue'])) return { queue: undefined, problems }
  const queue = new Map<string, QueueState>()
  for (const item of items) {
    const id = serviceOf(item)
    if (id === undefined) continue
    const state = stateOf(item)
    const other = queue.get(id)
    // The same app may wait once for each role.
    queue.set(id, other ? { ...state, count: state.count + other.count } : state)
  }
  return { queue, problems }
}

function serviceOf(item: Part): string | undefined {
  const holder = item.part('app', 'pod')
  const id = holder && pathOf(holder, 'id')
  if (id === undefined) item.note('waits without an app or pod that has an id')
  return id
}

function stateOf(item: Part): QueueState {
  const delay = item.part('delay')
  const waitingFor = waitingForOf(item)
  return {
    count: countOf(item, 'count') ?? 0,
    ...withoutUndefined({
      delaySeconds: delay?.number('timeLeftSeconds'),
      overdue: delay?.flag('overdue'),
      waitingFor: waitingFor.length > 0 ? waitingFor : undefined,
    }),
  }
}

/** What declined most offers first: of the last offer of each agent, else of all since it waits, else of single offers. */
function waitingForOf(item: Part): string[] {
  const summary = item.part('processedOffersSummary')
  const counts = new Map<string, number>()
  const count = (reason: string | undefined, times: number) => {
    const name = reason === undefined ? undefined : nameOf(reason)
    if (name && times > 0) counts.set(name, (counts.get(name) ?? 0) + times)
  }
  for (const key of ['rejectSummaryLastOffers', 'rejectSummaryLaunchAttempt']) {
    if (counts.size > 0) break
    for (const step of summary?.parts(key) ?? []) {
      count(step.text('reason'), step.number('declined') ?? 0)
    }
  }
  if (counts.size === 0) {
    for (const unused of item.parts('lastUnusedOffers') ?? []) {
      const reasons = unused.fields['reason']
      for (const reason of Array.isArray(reasons) ? reasons : []) {
        if (typeof reason === 'string') count(reason, 1)
      }
    }
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name)
}

const nameOf = (reason: string) =>
  Object.hasOwn(lacks, reason) ? lacks[reason] : plainName(reason)

/** A reason of a later version: `SomethingElse` → `something else`. */
const plainName = (reason: string) =>
  reason
    .slice(0, 100)
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll(/[^\w -]/g, '')
    .toLowerCase()
    .trim()
