/** What keeps a service from being scaled whatever the load asks for: what Marathon tells of it, and what was sent. */
import type { Decision, DecisionOutcome, DecisionReason, Outlook } from '../pipeline/decision.ts'
import type { DecideInput } from './decide.ts'
import { heldByPeople } from './people.ts'
import type { Situation } from './situation.ts'
import type { Wish } from './wish.ts'
import { counted, listed, span } from './words.ts'

export interface Verdict extends Pick<Decision, 'would' | 'pause' | 'override'> {
  outcome: DecisionOutcome
  reason: DecisionReason
  /** Instances as decided. */
  to: number
  /** The end of the sentence. */
  because: string
  /** What would be without it. */
  otherwise?: string | undefined
  /** The step that decided. */
  step: string
  next: Outlook[]
}

/** Services that are not looked at further. */
export function leftAlone(input: DecideInput, situation: Situation): Verdict | undefined {
  const { state, policy } = input
  const { wanted, stale } = situation
  const verdict =
    (outcome: 'held' | 'refused') => (reason: DecisionReason, because: string, when?: string) => {
      const next = when === undefined ? [] : [{ change: 'goes on', when }]
      return { outcome, reason, to: wanted, because, step: 'service', next }
    }
  const held = verdict('held')
  const refused = verdict('refused')
  if (!state) {
    if (stale !== undefined) return held('stale-state', stale, 'Marathon answers again')
    const because = `Marathon has no app ${policy.service}`
    return held('no-service', because, 'there is such an app')
  }
  if (state.kind === 'pod')
    return refused('pod', 'it is a pod, which cannot be scaled by instances')
  if (state.resident && !policy.resident) {
    const because = 'it keeps its volumes, and its policy does not say `resident`'
    return refused('resident', because, 'its policy says so')
  }
  if (stale !== undefined) return held('stale-state', stale, 'Marathon answers again')
  if (wanted === 0 && input.memory.asleepMs === undefined) {
    return held('suspended', 'it was scaled to zero by hand', 'somebody gives it an instance')
  }
  return undefined
}

/** What stands against the wish; also told where nothing is wished for. */
export function heldBack(
  input: DecideInput,
  situation: Situation,
  wish: Wish,
): Verdict | undefined {
  const { wanted } = situation
  const direction = Math.sign(wish.verdict.to - wanted)
  return (
    onTheWay(input, situation) ??
    heldByPeople(input, situation, wish) ??
    (direction >= 0 ? waiting(input, situation) : undefined) ??
    deploying(input, situation) ??
    (direction === 0 ? undefined : starting(input, situation)) ??
    (direction === 0 ? undefined : backingOff(input, situation)) ??
    (direction === 0 ? undefined : dryRun(input, wish))
  )
}

function held(
  { wanted }: Situation,
  reason: DecisionReason,
  step: string,
  because: string,
  next: Outlook,
): Verdict {
  return { outcome: 'held', reason, to: wanted, because, step, next: [next] }
}

/** Sent, and what Marathon tells is from before. */
function onTheWay({ nowMs }: DecideInput, situation: Situation): Verdict | undefined {
  const { inFlight } = situation
  if (!inFlight) return undefined
  const { sentMs, decision } = inFlight
  const ago = span(nowMs - sentMs)
  const because = `the change ${decision.from} → ${decision.to} was sent ${ago} ago and is not seen in Marathon yet`
  const next = { change: 'goes on', when: 'Marathon was read again' }
  return held(situation, 'deployment-running', 'in flight', because, next)
}

/** So long a deployment may wait before nobody believes that an offer is just coming, ms. */
const offersWithinMs = 10_000

function waiting({ state, nowMs }: DecideInput, situation: Situation): Verdict | undefined {
  const { queue, deployments = [] } = state ?? {}
  const { waitingFor } = situation.inputs
  if (!queue || queue.count === 0) return undefined
  const since = Math.min(...deployments.map(({ sinceMs = Infinity }) => sinceMs))
  const inVain = queue.overdue === true && nowMs - since > offersWithinMs
  if (!waitingFor && !inVain) return undefined
  const wait = `${counted(queue.count, 'instance')} ${queue.count === 1 ? 'is' : 'are'} waiting for offers`
  const because = waitingFor ? `${wait} (${waitingFor.join(', ')})` : `${wait}, and none comes`
  const when = waitingFor ? `offers have enough ${listed(waitingFor)}` : 'Mesos offers something'
  return held(situation, 'waiting-for-offers', 'offers', because, { change: 'scales up', when })
}

function deploying({ state, nowMs }: DecideInput, situation: Situation): Verdict | undefined {
  const [first] = state?.deployments ?? []
  if (!first) return undefined
  const since = first.sinceMs === undefined ? '' : ` since ${span(nowMs - first.sinceMs)}`
  const because = `deployment ${first.id} is under way${since}`
  const next = { change: 'goes on', when: `deployment ${first.id} has ended` }
  return held(situation, 'deployment-running', 'deployment', because, next)
}

function starting({ state }: DecideInput, situation: Situation): Verdict | undefined {
  const count = Math.max(situation.groups.staged, state?.queue?.count ?? 0)
  if (count === 0) return undefined
  const because = `${counted(count, 'instance')} ${count === 1 ? 'is' : 'are'} started and not running yet`
  const next = { change: 'goes on', when: 'they run' }
  return held(situation, 'not-running', 'running', because, next)
}

function backingOff({ memory, nowMs }: DecideInput, situation: Situation): Verdict | undefined {
  const { backoff } = memory
  if (!backoff || nowMs >= backoff.untilMs) return undefined
  const because = `${backoff.because}; next try in ${span(backoff.untilMs - nowMs)}`
  const next = { change: 'tries again', when: 'the back-off is over', atMs: backoff.untilMs }
  return held(situation, backoff.reason, 'back-off', because, next)
}

function dryRun({ policy }: DecideInput, { verdict }: Wish): Verdict | undefined {
  if (!policy.dryRun) return undefined
  const { to, because } = verdict
  const next = [{ change: 'scales', when: 'dry_run is off' }]
  return { outcome: 'would-scale', reason: 'dry-run', to, because, step: 'dry-run', next }
}
