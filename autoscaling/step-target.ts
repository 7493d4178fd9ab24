/** Steps: bounds of a signal beyond which so many instances more, or fewer, are asked for. */
import type { Amount, ScalingStep } from '../pipeline/decision.ts'
import { isAdditive } from '../pipeline/scaling-signal.ts'
import type { StepMemory, TakenChange } from './memory.ts'
import { isPerTask, unitOfSignal, type SignalReading } from './reading.ts'
import { waitOf, type Wait } from './settling.ts'
import {
  inputOf,
  measureTasks,
  valueOf,
  whyMissing,
  whyThinAsWhole,
  withoutValue,
  type TargetContext,
  type TargetProposal,
} from './target-parts.ts'
import type { Coverage, Target } from './target-words.ts'
import { amountWords, quantity } from './words.ts'

export interface StepContext extends TargetContext {
  /** Our newest change. */
  last: TakenChange | undefined
  steps: StepMemory | undefined
}

/** What the steps of one signal ask for; of several bounds that are passed, the largest change. */
export function proposeBySteps(
  steps: readonly [ScalingStep, ...ScalingStep[]],
  reading: SignalReading | undefined,
  context: StepContext,
): TargetProposal {
  const [{ signal }] = steps
  const unit = reading && unitOfSignal(reading.declaration)
  const about = { ...boundOf(steps[0]), signal, unit }
  const missing = whyMissing(reading, context)
  if (!reading || missing !== undefined) return withoutValue(about, missing ?? '')
  const held = heldAgainst(about, reading, context)
  if ('none' in held) return withoutValue(about, held.none, held.coverage)
  return proposed(steps, about, { held, wait: waitOf(reading, context) }, context)
}

function boundOf({ above, below = 0 }: ScalingStep) {
  return above === undefined
    ? ({ kind: 'below', target: below } as const)
    : ({ kind: 'above', target: above } as const)
}

interface Held {
  /** As it is measured. */
  value: number
  /** With those that are not measured or not ready counted as idle: for more instances. */
  cautious: number
  coverage?: Coverage
  thin: string | undefined
}

type None = { none: string; coverage?: Coverage }

/** Of a total what each ready instance has, of a signal kept per task the average, of others the value. */
function heldAgainst(about: Target, reading: SignalReading, context: TargetContext): Held | None {
  const { ready, groups } = context
  if (isPerTask(reading.declaration)) {
    const { values, coverage, gaps, thin, none } = measureTasks(about, reading, context)
    if (values.length === 0) return { none, coverage }
    const total = values.reduce((sum, value) => sum + value, 0)
    const all = values.length + gaps.missing + gaps.unready
    return { value: total / values.length, cautious: total / all, coverage, thin }
  }
  const value = valueOf(reading)
  if (value === undefined) return { none: 'has no value' }
  const others = groups.unready.length + groups.missing.length
  const thin = whyThinAsWhole(about, reading, context)
  if (!isAdditive(reading.declaration)) return { value, cautious: value, thin }
  return { value: value / Math.max(1, ready), cautious: value / Math.max(1, ready + others), thin }
}

function proposed(
  steps: readonly ScalingStep[],
  about: Target,
  { held, wait }: { held: Held; wait: Wait | undefined },
  context: StepContext,
): TargetProposal {
  const { wanted, last } = context
  const beyond = steps.filter((step) => isPassed(step, held))
  const isUp = beyond.some(isAdding)
  const isSame = last?.to === wanted && isUp === last.to > last.from
  // Steps of the same direction count from where it came from: a further one adds only the difference.
  const base = wait && isSame ? (context.steps?.from ?? last.from) : wanted
  const passed = largestStep(beyond, base)
  const asked = passed ? stepped(base, passed) : wanted
  const isBlocked = wait !== undefined && !isUp && !isSame
  const replicas = isUp ? Math.max(wanted, asked) : isBlocked ? wanted : Math.min(wanted, asked)
  const shown = { ...about, ...(passed ? boundOf(passed) : {}) }
  const words = wordsOf(shown, passed, held)
  const waits = wait && passed && replicas === wanted ? wait : undefined
  const how = howOf(passed, { base, asked, wait: waits })
  const hasDown = steps.some(({ below }) => below !== undefined)
  return {
    input: { ...inputOf(shown, held.value), ...held.coverage, proposal: replicas, how },
    proposed: { replicas, ratio: 1, value: 0 },
    words,
    bounds: boundsOf(steps),
    ...(held.thin === undefined ? {} : { thin: held.thin }),
    ...(passed || hasDown ? {} : { abstains: true }),
    ...(waits ? { waits } : {}),
  }
}

const isAdding = ({ above }: ScalingStep) => above !== undefined

function isPassed({ above = Infinity, below = -Infinity }: ScalingStep, held: Held): boolean {
  return held.cautious > above || held.value < below
}

/** The one that changes most. */
function largestStep(steps: readonly ScalingStep[], base: number): ScalingStep | undefined {
  const change = (step: ScalingStep) => Math.abs(stepped(base, step) - base)
  return steps.toSorted((a, b) => change(b) - change(a))[0]
}

/** A share of those there are: added ones rounded up, removed ones down, but one at least. */
function stepped(base: number, { add, remove }: ScalingStep): number {
  if (add) return base + Math.ceil(amountOf(add, base))
  return remove ? base - Math.max(1, Math.floor(amountOf(remove, base))) : base
}

const amountOf = (amount: Amount, base: number) =>
  'count' in amount ? amount.count : (base * amount.percent) / 100

/** `cpu is 85 % on average over 4 tasks, above 80 %` */
function wordsOf(
  { signal, kind, target, unit }: Target,
  passed: ScalingStep | undefined,
  { value, coverage }: Held,
): string {
  const of = coverage ? ' on average' : ''
  const bound = passed ? `, ${kind} ${quantity(target, unit)}` : ', within its steps'
  return `${signal} is ${quantity(value, unit)}${of}${bound}`
}

function howOf(
  passed: ScalingStep | undefined,
  { base, asked, wait }: { base: number; asked: number; wait: Wait | undefined },
): string {
  if (!passed) return 'within its steps'
  if (wait) return wait.because
  const { add, remove } = passed
  const change = add ?? remove
  const sign = add ? '+' : '−'
  if (!change) return ''
  return `${base} ${sign} ${amountWords(change)} = ${asked}`
}

function boundsOf(steps: readonly ScalingStep[]) {
  const all = (side: 'above' | 'below') => steps.flatMap((step) => step[side] ?? [])
  const above = all('above')
  const below = all('below')
  return {
    ...(above.length > 0 ? { above: Math.min(...above) } : {}),
    ...(below.length > 0 ? { below: Math.max(...below) } : {}),
  }
}

/** Of a policy, by signal. */
export function bySignal(steps: readonly ScalingStep[] = []): [ScalingStep, ...ScalingStep[]][] {
  return [...Map.groupBy(steps, ({ signal }) => signal).values()].filter(isSome)
}

const isSome = <T>(list: T[]): list is [T, ...T[]] => list.length > 0
