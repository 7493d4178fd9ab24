import { partFaults } from '../pipeline/scaling-faults.ts'
import {
  averageFault,
  scalingFault,
  valueFault,
  type Followed,
} from '../pipeline/scaling-signal.ts'
import type { AcrossFault, Readable } from './across.ts'
import { builtinSignals } from './builtin-signals.ts'
import { declaredRates, declaredStep } from './declared-policy.ts'
import type { Path } from './faults.ts'
import { nearestName } from './near.ts'
import type { ScalingPolicySettings, SignalSettings } from './settings.ts'
import { formatDuration } from './units.ts'

/** What could be read of the policies. */
export interface ReadableScaling {
  interval: number | undefined
  /** Whether one is named, rightly or not. */
  hasMarathon: boolean
  services: (Partial<Omit<ScalingPolicySettings, 'target' | 'steps'>> & {
    /** A value that is wrong itself is undefined. */
    target?: Record<string, ScalingPolicySettings['target'][string] | undefined> | undefined
    steps: readonly (ScalingPolicySettings['steps'][number] | undefined)[]
  })[]
}

type Policy = ReadableScaling['services'][number]
/** A signal as far as it could be read; undefined where it is wrong itself. */
type Signals = Record<string, Partial<SignalSettings> | undefined>

const appId = /^(\/[a-z0-9]([a-z0-9.-]*[a-z0-9])?)+$/

/** Checks of `autoscaling` against itself, the signals and the collectors. */
export function checkScaling(settings: Readable): AcrossFault[] {
  const { scaling } = settings
  const signals = signalsOf(settings)
  const known = new Set<string>()
  const faults = scaling.services.flatMap((policy, i) => {
    const path = ['autoscaling', 'services', i]
    const found = [...idFaults(policy, path), ...rangeFaults(policy, path)]
    if (policy.service !== undefined && known.has(policy.service)) {
      found.push(fault([...path, 'service'], 'has a policy already'))
    }
    if (policy.service !== undefined) known.add(policy.service)
    return [
      ...found,
      ...targetFaults(policy, path, signals),
      ...rateFaults(policy, path),
      ...partsFaults(policy, path, signals),
    ]
  })
  if (scaling.services.length === 0) return []
  if (!scaling.hasMarathon) {
    const sentence = 'nobody could be asked for instances: name a Marathon in collectors.marathon'
    faults.push(fault(['autoscaling', 'services'], sentence))
  }
  return [...faults, ...intervalFaults(settings)]
}

const fault = (path: Path, sentence: string): AcrossFault => ({ path, sentence })

function signalsOf({ signals, builtinSignals: builtin }: Readable): Signals {
  return { ...(builtin === false ? {} : builtinSignals), ...signals }
}

function idFaults({ service }: Policy, path: Path): AcrossFault[] {
  if (service === undefined || appId.test(service)) return []
  const sentence = `${JSON.stringify(service)} is no id of an app in Marathon: write it like /shop/web`
  return [fault([...path, 'service'], sentence)]
}

function rangeFaults({ min, max, tolerance }: Policy, path: Path): AcrossFault[] {
  const faults: AcrossFault[] = []
  if (min !== undefined && max !== undefined && min > max) {
    faults.push(fault([...path, 'min'], `${min} is above max (${max})`))
  }
  if (tolerance !== undefined && tolerance >= 1) {
    const sentence = `${tolerance} would never take instances away: write 0.1 for 10 %`
    faults.push(fault([...path, 'tolerance'], sentence))
  }
  return faults
}

function targetFaults({ target, steps }: Policy, path: Path, signals: Signals): AcrossFault[] {
  if (target === undefined) return []
  const names = Object.keys(target)
  if (names.length === 0 && steps.length === 0) {
    return [fault([...path, 'target'], 'names no signal to follow')]
  }
  return names.flatMap((name) => {
    const at = [...path, 'target', name]
    if (!Object.hasOwn(signals, name)) {
      const known = Object.keys(signals).filter((one) => whyNot(signals[one]) === undefined)
      return [fault(at, unknownSignal(name, known))]
    }
    const given = target[name]
    const wrong = whyNot(signals[name], given && 'value' in given ? valueFault : averageFault)
    if (wrong !== undefined) return [fault(at, `the signal ${wrong}`)]
    const number = given && ('value' in given ? given.value : given.average)
    return (number ?? 1) < 0.001 ? [fault(at, 'is below 0.001')] : []
  })
}

function unknownSignal(name: string, known: readonly string[]): string {
  const meant = nearestName(name, known)
  if (meant) return `there is no signal ${name}; did you mean ${meant}?`
  return `there is no signal ${name}; there are ${known.slice(0, 10).join(', ') || 'none'}`
}

function whyNot(
  signal: Partial<SignalSettings> | undefined,
  more: (signal: Followed) => string | undefined = () => undefined,
): string | undefined {
  const followed = followedOf(signal)
  return followed && (scalingFault(followed) ?? more(followed))
}

/** Undefined where a part of it is wrong itself. */
function followedOf(signal: Partial<SignalSettings> | undefined): Followed | undefined {
  const { from, measure, by, metric } = signal ?? {}
  if (from === undefined || measure === undefined || by === undefined) return undefined
  return { from, measure, by, ...(metric === undefined ? {} : { metric }) }
}

function rateFaults(policy: Policy, path: Path): AcrossFault[] {
  return (['scale_up', 'scale_down'] as const).flatMap((name) =>
    (policy[name]?.policies ?? []).flatMap(({ count, percent }, i) => {
      if ((count === undefined) !== (percent === undefined)) return []
      return [fault([...path, name, 'policies', i], 'needs count or percent, and not both')]
    }),
  )
}

/** What labels are held to as well. */
function partsFaults(policy: Policy, path: Path, signals: Signals): AcrossFault[] {
  const { steps, min, activation, idle_after: idleAfterMs } = policy
  const checked = {
    steps: steps.map((step) => step && declaredStep(step)),
    min,
    activation,
    idleAfterMs,
    scaleUp: declaredRates(policy.scale_up),
    scaleDown: declaredRates(policy.scale_down),
  }
  const known = Object.fromEntries(
    Object.entries(signals).map(([name, signal]) => [name, followedOf(signal)]),
  )
  return partFaults(checked, known).map((one) => fault([...path, ...one.path], one.sentence))
}

function intervalFaults({ scaling, evaluation }: Readable): AcrossFault[] {
  const { interval } = scaling
  if (!evaluation || interval === undefined || interval % evaluation.resolution === 0) return []
  const sentence = `${formatDuration(interval)} is no multiple of evaluation.resolution (${formatDuration(evaluation.resolution)})`
  return [fault(['autoscaling', 'interval'], sentence)]
}
