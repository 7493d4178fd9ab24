import type { Clock } from '../pipeline/clock.ts'
import { decisionReasons, type Decision } from '../pipeline/decision.ts'
import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import type { MarathonState, ServiceState } from '../pipeline/service-state.ts'
import type { SignalDeclarations } from '../pipeline/signals.ts'
import type { CarryOut } from './carry-out.ts'
import { conditionsOfFault } from './conditions.ts'
import type { Given } from './decide.ts'
import type { Evaluation } from './journal.ts'
import type { Found, Journal } from './journal-writer.ts'
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
import { isForgotten, turnOf } from './turn.ts'

export interface RoundOptions {
  policies: readonly PolicyDeclaration[]
  labels: boolean
  dryRun: boolean
  intervalMs: number
  signals: SignalDeclarations
  services: () => readonly ServiceState[]
  marathons: () => readonly MarathonState[]
  unsure?: (() => string | undefined) | undefined
  /** What else is known of a service. */
  given?: (service: string) => Given
  ledger: Ledger
  journal: Journal
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
  /** All records of `signals` before this offset were read. */
  offset: number
  /** For who begins to read with this evaluation. */
  gridStart: Found['gridStart']
}

/** What is the same for all services. */
interface Known extends Pick<Evaluation, 'nowMs' | 'unsure'> {
  given: ReadonlyMap<string, Given>
}

/** Evaluates all policies at one time: tells, remembers, and hands on what is to be carried out. */
export function openRound(options: RoundOptions) {
  const { ledger, journal, carryOut, services, marathons, clock, log, intervalMs } = options
  const { given = () => ({}) } = options
  const policiesAt = openPolicies({ ...options, declared: options.policies })
  let found: Policies = { policies: new Map(), faulty: new Map(), remarks: [] }
  let states: ReadonlyMap<string, ServiceState> = new Map()

  async function evaluate(moment: Moment): Promise<number> {
    const told = services()
    states = new Map(told.map((state) => [state.service, state]))
    found = policiesAt(told)
    const known: Known = {
      nowMs: clock.now(),
      unsure: options.unsure?.(),
      given: new Map([...found.policies.keys()].map((service) => [service, given(service)])),
    }
    const { gridStart, readings: _, ...when } = moment
    const { remembered: memories } = ledger
    journal.found({ ...known, services: told, marathons: marathons(), memories, gridStart })
    const decisions = new Map<string, Decision | undefined>()
    const busy = [...found.policies.keys(), ...found.faulty.keys()].filter(carryOut.isBusy)
    const starts = [...found.policies.values()].flatMap((policy) =>
      safely(policy, moment, known, decisions),
    )
    for (const fault of found.faulty.values()) {
      const { service } = fault
      decisions.set(service, undefined)
      if (carryOut.isBusy(service)) continue
      const decision = refusalOf(fault, states.get(service), moment.ts)
      decisions.set(service, decision)
      ledger.note(decision, ledger.memoryOf(service))
    }
    forgetOthers(moment.ts)
    const { nowMs, unsure } = known
    journal.evaluated({ ...when, nowMs, unsure, busy, decisions })
    if (await ledger.flush()) for (const start of starts) start()
    return found.policies.size
  }

  /** One that cannot be evaluated stops no other. */
  function safely(
    policy: ScalingPolicy,
    moment: Moment,
    known: Known,
    decisions: Map<string, Decision | undefined>,
  ): (() => void)[] {
    const { service } = policy
    decisions.set(service, undefined)
    try {
      return evaluateOne(policy, moment, known, decisions)
    } catch (error) {
      log.error({ service, error }, 'a scaling policy could not be evaluated')
      found.remarks.push(
        `${service}: its policy could not be evaluated (${explain(error)}): this is a mistake in Mesoscope`,
      )
      return []
    }
  }

  /** Returns what starts the change, if there is to be one. */
  function evaluateOne(
    policy: ScalingPolicy,
    { readings, ts, unmeasured }: Moment,
    { given, nowMs, unsure }: Known,
    decisions: Map<string, Decision | undefined>,
  ): (() => void)[] {
    const { service } = policy
    if (carryOut.isBusy(service)) return []
    const state = states.get(service)
    const turn = turnOf({
      ...given.get(service),
      policy,
      state,
      marathon: marathonOf(state, marathons()),
      signals: readings(service),
      memory: ledger.memoryOf(service),
      ts,
      nowMs,
      intervalMs,
      unsure,
      unmeasured,
    })
    decisions.set(service, turn.decision)
    if (turn.act === 'recover') carryOut.recover(turn.inFlight)
    else if (turn.act === 'send') return [carryOut.intend(turn.decision, turn.memory)]
    else ledger.note(turn.decision, turn.memory)
    return []
  }

  function forgetOthers(ts: number) {
    for (const memory of ledger.remembered()) {
      const { service } = memory
      const isWanted = found.policies.has(service) || found.faulty.has(service)
      const isDue = isForgotten(memory, { isWanted, hasState: states.has(service), ts })
      if (isDue && !carryOut.isBusy(service)) ledger.forget(service)
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
export function refusalOf(
  fault: PolicyFault,
  state: ServiceState | undefined,
  ts: number,
): Decision {
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
    conditions: conditionsOfFault(why),
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
