/**
 * Another policy along the journal. As long as it does what was done, what was recorded goes on to be true; from the
 * first change that differs, a model of the service (`model.ts`) takes the place of its states and of Marathon's answers.
 */
import type { Decision } from '../pipeline/decision.ts'
import type { ServiceState } from '../pipeline/service-state.ts'
import type { JournalEntry } from './journal.ts'
import type { ServiceMemory } from './memory.ts'
import { modelled, openModel, type Model } from './model.ts'
import type { ScalingPolicy } from './policy.ts'
import type { Scene, Step } from './replay.ts'
import { noted, settled, turnOf, withoutInFlight, withoutOverride, type Turn } from './turn.ts'

export interface Told {
  decision: Decision
  isNews: boolean
}

export interface Other {
  /** An evaluation: what it makes of it, undefined while a change is under way, and how the service stands by then. */
  evaluate(step: Step & { scene: Scene }): { told: Told | undefined; scene: Scene }
  /** What Marathon answered then, as long as that is true of this policy. */
  answer(entry: JournalEntry): Told | undefined
  /** Another process went on with what it found; `isOurs`: that was remembered by this policy too. */
  restart(found: ServiceMemory, isOurs: boolean): void
  memory(): ServiceMemory
  /** Since when something else would have been done, ms. */
  differsFrom(): number | undefined
}

export function openOther(policy: ScalingPolicy, startMs: number, begin: ServiceMemory): Other {
  let memory = begin
  let model: Model | undefined
  let differsFrom: number | undefined

  function note(decision: Decision, before: ServiceMemory): Told {
    const after = noted(decision, before)
    memory = after.memory
    return { decision, isNews: after.isNews }
  }

  function asRecorded({ scene, turn: live }: Step & { scene: Scene }): Told | undefined {
    const { state, nowMs, ts } = scene
    const turn = turnOf({ ...scene, policy, memory })
    if (!isSameAct(turn, live) && state) {
      differsFrom = ts
      model = openModel(state, nowMs, startMs)
      if (memory.inFlight?.answered === false) memory = withoutInFlight(memory)
      return carriedOut(turn, nowMs)
    }
    if (turn.act === 'note') return note(turn.decision, turn.memory)
    if (turn.act === 'send') memory = turn.memory
    return { decision: turn.decision, isNews: false }
  }

  /** In the model each change is done at once. */
  function carriedOut(turn: Turn, nowMs: number): Told {
    const { decision } = turn
    if (turn.act === 'recover') return { decision, isNews: false }
    if (turn.act === 'note') return note(decision, turn.memory)
    model?.scale(decision.to, nowMs)
    const result = { done: true, answer: { message: 'simulated' } } as const
    const done = settled(decision, turn.memory, { result, nowMs, random: 0.5 })
    return note(done.decision, done.memory)
  }

  return {
    evaluate(step) {
      const { scene } = step
      const { state, nowMs } = scene
      if (!model) return { told: step.isBusy ? undefined : asRecorded(step), scene }
      const other = state ? sceneIn(model.stateAt(state, nowMs), scene, state) : scene
      return { told: carriedOut(turnOf({ ...other, policy, memory }), nowMs), scene: other }
    },
    answer(entry) {
      if (model) return undefined
      if (entry.kind === 'undone') memory = withoutInFlight(memory)
      if (entry.kind === 'released') memory = withoutOverride(memory)
      const { inFlight } = memory
      if (entry.kind !== 'settled' || !inFlight) return undefined
      const { decision, memory: after } = settled(inFlight.decision, memory, entry)
      return note(decision, after)
    },
    restart(known, isOurs) {
      if (model) return
      const { inFlight, backoff } = known
      const { inFlight: _sent, backoff: _refused, ...own } = memory
      const answered = { ...(inFlight ? { inFlight } : {}), ...(backoff ? { backoff } : {}) }
      memory = isOurs ? known : { ...own, ...answered }
    },
    memory: () => memory,
    differsFrom: () => differsFrom,
  }
}

function sceneIn(state: ServiceState, scene: Scene, recorded: ServiceState): Scene {
  return {
    ...scene,
    state,
    signals(name) {
      const reading = scene.signals(name)
      return reading && modelled(reading, recorded, state)
    },
  }
}

/** Nothing was done beside it, or the same change. */
function isSameAct(turn: Turn, live: Turn | undefined): boolean {
  if (turn.act !== 'send' && live?.act !== 'send') return true
  const { from, to } = turn.decision
  return turn.act === live?.act && from === live.decision.from && to === live.decision.to
}
