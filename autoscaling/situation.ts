import type { DecisionInputs } from '../pipeline/decision.ts'
import type { MarathonState, ServiceState } from '../pipeline/service-state.ts'
import type { DecideInput } from './decide.ts'
import { gapAfter } from './gap.ts'
import type { InFlight } from './memory.ts'
import { groupTasks, readyCount, type TaskGroups } from './tasks.ts'
import { span } from './words.ts'

/** How the service stands, as far as Marathon and the measuring tell. */
export interface Situation {
  /** Instances wanted. */
  wanted: number
  ready: number
  groups: TaskGroups
  /** Why the state may not be what is; undefined while it is fresh. */
  stale: string | undefined
  /** Why nothing can be said of any signal. */
  unmeasured: string | undefined
  /** A change that Marathon does not show yet. */
  inFlight: InFlight | undefined
  inputs: Omit<DecisionInputs, 'targets'>
}

/** The state of a Marathon is written at least so often (`pipeline/service-state.ts`), ms. */
const writtenEveryMs = 30_000
/** So long a reading takes at most, as a rule, ms. */
export const underWayMs = 2000

const noTasks: TaskGroups = { ready: [], unready: [], missing: [], staged: 0, warming: 0 }

export function situationOf(input: DecideInput): Situation {
  const { policy, state, marathon, memory, ts } = input
  const readMs = Math.max(state?.atMs ?? -Infinity, marathon?.atMs ?? -Infinity)
  const { inFlight } = memory
  const unseen = inFlight && !isSeen(inFlight, state, readMs) ? inFlight : undefined
  const { warmUpMs } = policy
  const warmSinceMs = warmUpMs === undefined ? undefined : ts - warmUpMs
  const groups = state ? groupTasks(state, warmSinceMs) : noTasks
  const sent = unseen?.answered === true && unseen.decision.outcome === 'scaled'
  return {
    wanted: sent ? unseen.decision.to : (state?.instances ?? 0),
    ready: state ? readyCount(state, groups) : 0,
    groups,
    stale: staleness(input, readMs),
    unmeasured: whyUnmeasured(input),
    inFlight: unseen,
    inputs: state ? inputsOf(state, readMs) : {},
  }
}

/** A reading that was under way when it was sent may show what was before. */
function isSeen({ decision, sentMs }: InFlight, state: ServiceState | undefined, readMs: number) {
  return state?.instances === decision.to || readMs > sentMs + underWayMs
}

function staleness({ state, marathon, nowMs }: DecideInput, readMs: number): string | undefined {
  if (!marathon) {
    return state
      ? 'nothing was heard of the Marathon that tells of it'
      : 'Marathon was not read yet'
  }
  if (marathon.trouble !== undefined) return `Marathon cannot be read: ${marathon.trouble}`
  if (marathon.atMs === undefined) return 'Marathon was not read yet'
  const limit = writtenEveryMs + 2 * marathon.intervalMs
  return nowMs - readMs > limit ? `what Marathon told is ${span(nowMs - readMs)} old` : undefined
}

function whyUnmeasured({ ts, nowMs, intervalMs, unmeasured }: DecideInput): string | undefined {
  if (unmeasured !== undefined) return unmeasured
  return nowMs - ts > gapAfter(intervalMs)
    ? `was measured ${span(nowMs - ts)} ago, too long to act on`
    : undefined
}

function inputsOf(state: ServiceState, readMs: number): Omit<DecisionInputs, 'targets'> {
  const { instances, running, healthy, staged, deployments, queue } = state
  const waiting = queue && queue.count > 0 ? queue.waitingFor : undefined
  return {
    wanted: instances,
    running,
    healthy,
    staged,
    stateAtMs: Number.isFinite(readMs) ? readMs : state.atMs,
    ...(deployments.length > 0 ? { deployments: deployments.map(({ id }) => id) } : {}),
    ...(waiting && waiting.length > 0 ? { waitingFor: waiting } : {}),
  }
}

/** The Marathon that tells of a service; of one that nobody tells of, one that may be to blame. */
export function marathonOf(
  state: ServiceState | undefined,
  marathons: readonly MarathonState[],
): MarathonState | undefined {
  if (state) return marathons.find(({ marathon }) => marathon === state.marathon)
  const blamed = marathons.find(({ trouble, atMs }) => trouble !== undefined || atMs === undefined)
  return blamed ?? marathons[0]
}
