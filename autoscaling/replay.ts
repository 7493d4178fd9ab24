/**
 * Goes along the journal of evaluations for one service: the same inputs, in the same order, to the same functions, so that
 * what was decided is decided again. Without bus or clock.
 */
import type { Decision } from '../pipeline/decision.ts'
import { Trouble } from '../pipeline/errors.ts'
import type { MarathonState, ServiceState } from '../pipeline/service-state.ts'
import { openSignalGrid, type SignalGrid } from '../pipeline/signal-grid.ts'
import type { SignalRecord } from '../pipeline/signal-records.ts'
import type { SeenGroup, SignalTopic } from '../pipeline/signals.ts'
import type { DecideInput, Given } from './decide.ts'
import { markAt, type Begin, type Evaluation, type JournalEntry } from './journal.ts'
import { freshMemory, type ServiceMemory } from './memory.ts'
import { policiesOf, type PolicyFault, type ScalingPolicy } from './policy.ts'
import { isOf, ownBuckets } from './own-buckets.ts'
import { readingsAt } from './reading.ts'
import { refusalOf } from './round.ts'
import { marathonOf } from './situation.ts'
import {
  isForgotten,
  noted,
  settled,
  turnOf,
  withoutInFlight,
  withoutOverride,
  type Turn,
} from './turn.ts'

export interface ReplayOptions {
  service: string
  /** Of each topic that a signal may be measured from. */
  partitions: (topic: SignalTopic) => number
}

/** What an evaluation knew of the service, whatever its policy. */
export type Scene = Omit<DecideInput, 'policy' | 'memory'>

/** One evaluation, or what Marathon answered. */
export interface Step {
  at: Evaluation | undefined
  /** Undefined where it is an answer. */
  scene: Scene | undefined
  /** The policy by which it was evaluated; undefined where it had none. */
  policy: ScalingPolicy | undefined
  turn: Turn | undefined
  /** What was decided: undefined where a change was under way, or the service has no policy. */
  decision: Decision | undefined
  /** It was to be told. */
  isNews: boolean
  /** A change was under way, so that it was not evaluated. */
  isBusy: boolean
  /** Of what was decided then ({@link markOf}); 0 where nothing was. */
  mark: number | undefined
}

export interface Replay {
  /** Takes records of the topic `signals`, in their order, before the entry that knew them. */
  takeSignals(records: readonly SignalRecord[]): void
  /** Returns what the entry did to the service, if anything. Throws where the signals lead elsewhere than they did then. */
  take(entry: JournalEntry): Step | undefined
  /** Something is missing: nothing is known until the next `begin`. */
  interrupt(): void
  /** As it was remembered then. */
  memory(): ServiceMemory
}

export function openReplay({ service, partitions }: ReplayOptions): Replay {
  let begun: Begin | undefined
  let seen: SeenGroup[] = []
  let grid: SignalGrid | undefined
  let memory = freshMemory(service)
  let state: ServiceState | undefined
  let marathons: readonly MarathonState[] = []
  let given: Given = {}
  let services: string[] = []
  /** What is told is known: for who begins here. */
  let isRepeated = false

  function begin(entry: Begin) {
    isRepeated = begun !== undefined && entry.cause === 'hour'
    // What is true is told anew; what has ended is not.
    state = undefined
    marathons = []
    given = {}
    services = []
    if (isRepeated) return
    begun = entry
    seen = []
    grid = undefined
    memory = freshMemory(service)
  }

  /** Not before all is known that silent groups need. */
  function gridOf({ signals, settings, grid: start }: Begin): SignalGrid {
    const { through, inputs } = start
    return openSignalGrid({
      signals,
      intervalMs: settings.intervalMs,
      partitions,
      catchUpMs: 0,
      restored: { through, seen, ...(inputs ? { inputs } : {}) },
    })
  }

  function policyNow({ settings, signals }: Begin) {
    const { policies, faulty } = policiesOf({
      declared: settings.policies.filter((one) => one.service === service),
      services: state ? [state] : [],
      labels: settings.labels,
      signals,
      dryRun: settings.dryRun,
    })
    return { policy: policies.get(service), fault: faulty.get(service) }
  }

  function sceneOf({ signals, settings }: Begin, at: Evaluation): Scene {
    const { ts, nowMs, unsure, unmeasured } = at
    const due = unmeasured === undefined ? grid?.next() : undefined
    if (unmeasured === undefined && due?.ts !== ts) {
      const where = due ? `to ${new Date(due.ts).toISOString()}` : 'nowhere'
      throw new Trouble(
        `the recorded signals lead ${where} where ${new Date(ts).toISOString()} was evaluated`,
        { remedy: 'name a later time: some of those before may be gone' },
      )
    }
    const readings = due ? readingsAt(signals, due.valuesOf)(service) : () => undefined
    const { intervalMs } = settings
    const marathon = marathonOf(state, marathons)
    return {
      ...given,
      state,
      marathon,
      signals: readings,
      ts,
      nowMs,
      intervalMs,
      unsure,
      unmeasured,
    }
  }

  function evaluation(at: Evaluation): Step | undefined {
    if (!begun) return undefined
    grid ??= gridOf(begun)
    isRepeated = false
    services = at.services ?? services
    const scene = sceneOf(begun, at)
    const { policy, fault } = policyNow(begun)
    const isBusy = at.busy?.includes(service) ?? false
    const index = services.indexOf(service)
    const step = {
      at,
      scene,
      policy,
      isBusy,
      mark: markAt(at.marks, index),
      ...(isBusy ? nothing : evaluated(scene, policy, fault)),
    }
    const isWanted = policy !== undefined || fault !== undefined
    const around = { isWanted, hasState: state !== undefined, ts: at.ts }
    if (!isBusy && isForgotten(memory, around)) memory = freshMemory(service)
    if (at.unmeasured === undefined) grid.done(at.ts)
    return step
  }

  function evaluated(
    scene: Scene,
    policy: ScalingPolicy | undefined,
    fault: PolicyFault | undefined,
  ): Pick<Step, 'turn' | 'decision' | 'isNews'> {
    if (fault) {
      return { ...nothing, ...note(refusalOf(fault, state, scene.ts), memory) }
    }
    if (!policy) return nothing
    const turn = turnOf({ ...scene, policy, memory })
    if (turn.act === 'note') return { turn, ...note(turn.decision, turn.memory) }
    if (turn.act === 'send') memory = turn.memory
    return { turn, decision: turn.decision, isNews: false }
  }

  function note(decision: Decision, before: ServiceMemory) {
    const after = noted(decision, before)
    memory = after.memory
    return { decision, isNews: after.isNews }
  }

  function answer(entry: Extract<JournalEntry, { kind: 'settled' }>): Step | undefined {
    const { inFlight } = memory
    if (!inFlight) throw new Trouble('the journal has an answer of Marathon to what was not sent')
    const told = settled(inFlight.decision, memory, entry)
    const { decision, isNews } = note(told.decision, told.memory)
    return { ...answered, decision, isNews }
  }

  return {
    takeSignals(records) {
      if (!begun) return
      grid ??= gridOf(begun)
      grid.take(records.map((record) => ownBuckets(record, service)))
    },
    take(entry) {
      switch (entry.kind) {
        case 'begin':
          begin(entry)
          return undefined
        case 'seen':
          if (!isRepeated) seen.push(...entry.groups.filter(({ group }) => isOf(group, service)))
          return undefined
        case 'marathons':
          marathons = entry.marathons
          return undefined
        case 'memory':
          if (!isRepeated && entry.memory.service === service) memory = entry.memory
          return undefined
        case 'state':
          if (entry.state.service === service) state = entry.state
          return undefined
        case 'evaluation':
          return evaluation(entry)
      }
      if (entry.service !== service) return undefined
      if (entry.kind === 'settled') return answer(entry)
      if (entry.kind === 'undone') memory = withoutInFlight(memory)
      else if (entry.kind === 'released') memory = withoutOverride(memory)
      else if (entry.kind === 'given') given = entry.given
      else state = undefined
      return undefined
    },
    interrupt() {
      begun = undefined
    },
    memory: () => memory,
  }
}

const nothing: Pick<Step, 'turn' | 'decision' | 'isNews'> = {
  turn: undefined,
  decision: undefined,
  isNews: false,
}

const answered = {
  ...nothing,
  at: undefined,
  scene: undefined,
  policy: undefined,
  isBusy: false,
  mark: undefined,
}
