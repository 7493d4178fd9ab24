/** What is wrong with the parts of a scaling policy that are right each for itself; the same for settings and labels. */
import type { DecisionPolicy, RatePolicies, ScalingStep } from './decision.ts'
import { formatDuration } from './duration.ts'
import { scalingFault, valueFault, type Followed } from './scaling-signal.ts'

/** As far as it could be read. */
export interface CheckedPolicy {
  values?: Record<string, number | undefined> | undefined
  steps?: readonly (Partial<ScalingStep> | undefined)[] | undefined
  min?: number | undefined
  scaleUp?: RatePolicies | undefined
  scaleDown?: RatePolicies | undefined
  activation?: Record<string, number | undefined> | undefined
  idleAfterMs?: number | undefined
}

/** Which setting of the policy, and the end of a sentence about it. */
export interface PartFault {
  path: (string | number)[]
  sentence: string
}

/** Of those that are declared wrongly nothing is known. */
export type KnownSignals = Record<string, Followed | undefined>

export function partFaults(policy: CheckedPolicy, signals: KnownSignals): PartFault[] {
  return [
    ...valueFaults(policy, signals),
    ...stepFaults(policy.steps ?? [], signals),
    ...zeroFaults(policy, signals),
    ...rateFaults('scale_up', policy.scaleUp),
    ...rateFaults('scale_down', policy.scaleDown),
  ]
}

function valueFaults({ values = {} }: CheckedPolicy, signals: KnownSignals): PartFault[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const path = ['value', name]
    const signal = signalOf(name, signals)
    const fault = followFault(name, signals) ?? (signal && valueFault(signal))
    if (fault !== undefined) return [{ path, sentence: `the signal ${fault}` }]
    return (value ?? 1) < 0.001 ? [{ path, sentence: 'is below 0.001' }] : []
  })
}

function signalOf(name: string, signals: KnownSignals): Followed | undefined {
  return Object.hasOwn(signals, name) ? signals[name] : undefined
}

/** The end of `the signal …`. */
function followFault(name: string, signals: KnownSignals): string | undefined {
  if (!Object.hasOwn(signals, name)) return 'is not declared'
  const signal = signals[name]
  return signal && scalingFault(signal)
}

type Steps = NonNullable<CheckedPolicy['steps']>

function stepFaults(steps: Steps, signals: KnownSignals): PartFault[] {
  const faults = steps.flatMap((step, i): PartFault[] => {
    if (!step) return []
    const { signal, above, below, add, remove } = step
    const fault = signal === undefined ? undefined : followFault(signal, signals)
    const isUp = above !== undefined && add !== undefined && below === undefined && !remove
    const isDown = below !== undefined && remove !== undefined && above === undefined && !add
    return [
      ...(fault === undefined
        ? []
        : [{ path: ['steps', i, 'signal'], sentence: `the signal ${fault}` }]),
      ...(isUp || isDown
        ? []
        : [{ path: ['steps', i], sentence: 'needs `above` and `add`, or `below` and `remove`' }]),
    ]
  })
  return faults.length > 0 ? faults : overlaps(steps)
}

/** A value that asks for more and for fewer. */
function overlaps(steps: Steps): PartFault[] {
  return steps.flatMap((down, i) => {
    const { signal, below } = down ?? {}
    if (below === undefined) return []
    const up = steps.find((one) => one?.signal === signal && (one?.above ?? Infinity) < below)
    if (!up) return []
    const sentence = `below ${below} it would take instances away, and above ${up.above} add some: keep them apart`
    return [{ path: ['steps', i, 'below'], sentence }]
  })
}

function zeroFaults({ min, activation, idleAfterMs }: CheckedPolicy, signals: KnownSignals) {
  const faults: PartFault[] = []
  const names = Object.keys(activation ?? {})
  for (const name of names) {
    const fault = followFault(name, signals)
    if (fault !== undefined) {
      faults.push({ path: ['activation', name], sentence: `the signal ${fault}` })
    }
  }
  if (min === 0 && names.length === 0) {
    const sentence = '0 is possible only with `activation`: what is to bring it back?'
    faults.push({ path: ['min'], sentence })
  }
  if (min !== undefined && min > 0 && names.length > 0) {
    faults.push({ path: ['activation'], sentence: `is for \`min: 0\`, and min is ${min}` })
  }
  if (idleAfterMs !== undefined && activation === undefined) {
    faults.push({ path: ['idle_after'], sentence: 'is for `activation`, which is missing' })
  }
  const known = names.map((name) => signalOf(name, signals))
  if (names.length > 0 && known.every((signal) => signal?.by.includes('task'))) {
    const sentence =
      'needs a signal that has a value without tasks: these are all kept per task, and nothing would bring it back'
    faults.push({ path: ['activation'], sentence })
  }
  return faults
}

/** All changes of such a time are remembered of each service, ms. */
const longestPeriodMs = 3_600_000

function rateFaults(name: string, rates: DecisionPolicy['scaleUp']): PartFault[] {
  if (!rates) return []
  const { select, policies } = rates
  if (select !== 'disabled' && policies.length === 0) {
    return [{ path: [name], sentence: 'has no policies: name some, or select: disabled' }]
  }
  return policies.flatMap(({ perMs }, i) => {
    if (perMs === undefined || (perMs >= 1000 && perMs <= longestPeriodMs)) return []
    const sentence = `${formatDuration(perMs)} is no time to hold it to: give 1s to ${formatDuration(longestPeriodMs)}`
    return [{ path: [name, 'policies', i, 'per'], sentence }]
  })
}
