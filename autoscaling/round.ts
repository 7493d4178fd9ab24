import type { Clock } from '../pipeline/clock.ts'
import { decisionReasons, type Decision } from '../pipeline/decision.ts'
import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import type { MarathonState, ServiceState } from '../pipeline/service-state.ts'
import type { SignalDeclarations } from '../pipeline/signals.ts'
import type { CarryOut } from './carry-out.ts'
import { decide } from './decide.ts'
import type { Ledger } from './ledger.ts'
import {
  openPolicies,
  type Policies,
  type PolicyDeclaration,
  type PolicyFault,
  type ScalingPolicy,
} from './policy.ts'
import type { SignalReading } from './reading.ts'
import { marathonOf } from './situation.ts'

export interface RoundOptions {
  policies: readonly PolicyDeclaration[]
  labels: boolean
  dryRun: boolean
  intervalMs: number
  signals: SignalDeclarations
  services: () => readonly ServiceState[]
  marathons: () => readonly MarathonState[]
  unsure?: (() => string | undefined) | undefined
  ledger: Ledger
  carryOut: CarryOut
  clock: Clock
  log: Logger
}

/** One evaluation time. */
export interface Moment {
  ts: number
  readings: (service: string) => (signal: string) => SignalReading | undefined
  /** Why nothing was measured. */
  unmeasured?: string
}

/** So long what is remembered of an app outlives it, ms. */
const goneAfterMs = 24 * 3_600_000

/** Evaluates all policies at one time: tells, remembers, and hands on what is to be carried out. */
export function openRound(options: RoundOptions) {
  const { ledger, carryOut, services, marathons, clock, log, intervalMs } = options
  const policiesAt = openPolicies({ ...options, declared: options.policies })
  let found: Policies = { policies: new Map(), faulty: new Map(), remarks: [] }
  let states: ReadonlyMap<string, ServiceState> = new Map()

  async function evaluate(moment: Moment): Promise<number> {
    const told = services()
    states = new Map(told.map((state) => [state.service, state]))
    found = policiesAt(told)
    const starts = [...found.policies.values()].flatMap((policy) => safely(policy, moment))
    for (const fault of found.faulty.values()) {
      const { service } = fault
      if (carryOut.isBusy(service)) continue
      ledger.note(refusalOf(fault, states.get(service), moment.ts), ledger.memoryOf(service))
    }
    forgetOthers(moment.ts)
    if (await ledger.flush()) for (const start of starts) start()
    return found.policies.size
  }

  /** One that cannot be evaluated stops no other. */
  function safely(policy: ScalingPolicy, moment: Moment): (() => void)[] {
    const { service } = policy
    try {
      return evaluateOne(policy, moment)
    } catch (error) {
      log.error({ service, error }, 'a scaling policy could not be evaluated')
      found.remarks.push(
        `${service}: its policy could not be evaluated (${explain(error)}): this is a mistake in Mesoscope`,
      )
      return []
    }
  }

  /** Returns what starts the change, if there is to be one. */
  function evaluateOne(policy: ScalingPolicy, moment: Moment): (() => void)[] {
    const { service } = policy
    const state = states.get(service)
    const memory = ledger.memoryOf(service)
    if (carryOut.isBusy(service)) return []
    const decided = decide({
      policy,
      state,
      marathon: marathonOf(state, marathons()),
      signals: moment.readings(service),
      memory,
      ts: moment.ts,
      nowMs: clock.now(),
      intervalMs,
      unsure: options.unsure?.(),
      unmeasured: moment.unmeasured,
    })
    if (memory.inFlight?.answered === false) {
      // First of all what became of it. While Marathon is away nobody can tell, and that is told.
      if (decided.decision.reason !== 'stale-state') carryOut.recover(memory.inFlight)
      else ledger.note(decided.decision, memory)
      return []
    }
    if (decided.decision.outcome === 'scaled') {
      return [carryOut.intend(decided.decision, decided.memory)]
    }
    ledger.note(decided.decision, decided.memory)
    return []
  }

  /** Nobody wants them scaled any more, or there is no such app since a day: it is not only Marathon that is away. */
  function forgetOthers(ts: number) {
    for (const { service, told } of ledger.remembered()) {
      const isWanted = found.policies.has(service) || found.faulty.has(service)
      const isGone = states.has(service) || ts - (told?.ts ?? ts) > goneAfterMs
      if (!isWanted && isGone && !carryOut.isBusy(service)) ledger.forget(service)
    }
  }

  return {
    evaluate,
    policies: () => found,
    /** As it was at the last evaluation. */
    stateOf: (service: string) => states.get(service),
  }
}

/** What is not understood is not scaled; told once, and named each time. */
function refusalOf(fault: PolicyFault, state: ServiceState | undefined, ts: number): Decision {
  const { service, source, faults } = fault
  const wanted = state?.instances ?? 0
  const why = faults.join('; ')
  return {
    service,
    ts,
    outcome: 'refused',
    reason: 'bad-policy',
    message: `not scaled: ${decisionReasons['bad-policy']}: ${why}`,
    from: wanted,
    to: wanted,
    inputs: { ...(state ? { wanted } : {}), targets: [] },
    steps: [{ step: 'policy', before: wanted, after: wanted, why }],
    policy: {
      source,
      targets: {},
      min: 0,
      max: 0,
      tolerance: 0,
      stabilizationUpMs: 0,
      stabilizationDownMs: 0,
      dryRun: false,
    },
  }
}
