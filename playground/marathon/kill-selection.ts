import { isTerminal, type Condition, type Instance, type RunSpec } from './model.ts'

export interface ScalingProposal {
  toKill: Instance[]
  toStart: number
}

/**
 * How to get from what runs to `scaleTo` instances: who is named in `sentenced` goes in any case, then lost, staging and
 * starting ones, then by `killSelection`. Health does not count, as in Marathon.
 */
export function proposeScaling(
  instances: readonly Instance[],
  spec: RunSpec,
  scaleTo: number,
  sentenced: readonly string[] = [],
): ScalingProposal {
  const counted = instances.filter(
    ({ goal, condition }) => goal === 'Running' && condition !== 'UnreachableInactive',
  )
  const [named, rest] = partition(counted, ({ id }) => sentenced.includes(id))
  const killCount = Math.max(counted.length - scaleTo, named.length)
  const order = [...named, ...rest.toSorted(killOrder(spec))]
  return {
    toKill: order.slice(0, killCount),
    toStart: Math.max(0, scaleTo - counted.length + killCount),
  }
}

const weights: Partial<Record<Condition, number>> = {
  Unreachable: 1,
  Staging: 2,
  Provisioned: 2,
  Starting: 3,
  Running: 4,
}

/** What waits or has just ended costs nothing to give up: Marathon has it last, and so kills running ones instead. */
function weightOf(instance: Instance): number {
  return isTerminal(instance) ? 5 : (weights[instance.condition] ?? 5)
}

function killOrder({ killSelection }: RunSpec) {
  const youngest = killSelection === 'YOUNGEST_FIRST'
  return (a: Instance, b: Instance): number => {
    const byWeight = weightOf(a) - weightOf(b)
    if (byWeight !== 0) return byWeight
    return youngest ? ageOf(b) - ageOf(a) : ageOf(a) - ageOf(b)
  }
}

function ageOf({ tasks, scheduledAt }: Instance): number {
  const [first] = tasks
  return first?.startedAt ?? first?.stagedAt ?? scheduledAt
}

function partition<T>(all: readonly T[], test: (one: T) => boolean): [T[], T[]] {
  return [all.filter(test), all.filter((one) => !test(one))]
}
