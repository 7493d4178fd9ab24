/**
 * How many replicas one metric asks for: the replica calculator of Kubernetes' horizontal pod autoscaler (v2), in its
 * arithmetic: quantities are whole milli-units, averages are cut off, proposals are rounded up.
 */

/** Ratios from `1 - down` to `1 + up`, both inclusive, change nothing. */
export interface Tolerance {
  up: number
  down: number
}

export interface Proposal {
  replicas: number
  /** What was measured, held against the target; with the gaps filled where `refilled`. */
  ratio: number
  /** Average of what was measured, milli-units; of utilisation in percent. */
  value: number
  /** The average once more, with missing and unready pods counted: its ratio, and over how many. */
  refilled?: { ratio: number; count: number }
  /** Why it stays as it is: too close to the target; the gaps turn the direction; the count would move against it. */
  kept?: 'tolerance' | 'direction' | 'against'
}

export type Proposed = Proposal | { error: string }

export const isProposal = (proposed: Proposed): proposed is Proposal => !('error' in proposed)

/** Pods of the scaled thing, as the calculator divides them. */
export interface Counts {
  /** Replicas as they are wanted now. */
  current: number
  /** Ready pods that were measured. */
  ready: number
  tolerance: Tolerance
}

const maxReplicas = 2 ** 31 - 1
const noMetrics = 'did not receive metrics for targeted pods (pods might be unready)'

export function isWithin(ratio: number, { up, down }: Tolerance): boolean {
  return 1 - down <= ratio && ratio <= 1 + up
}

/**
 * From a metric of each pod (target: milli-units on average). `values` are those measured, without the unready;
 * `missing` pods count as at the target when it would go down, as idle when up; `unready` ones as idle when up.
 */
export function fromAverage(
  values: readonly number[],
  { missing, unready }: { missing: number; unready: number },
  target: number,
  counts: Counts,
): Proposed {
  if (values.length === 0) return { error: noMetrics }
  const total = values.reduce((sum, value) => sum + value, 0)
  const average = (sum: number, count: number): Average => {
    const value = Math.trunc(sum / count)
    return { ratio: value / target, value, count }
  }
  return propose(average(total, values.length), { missing, unready }, counts, (down, up) => {
    const filled = total + (down ? missing * target : 0)
    return average(filled, values.length + (down || up ? missing : 0) + (up ? unready : 0))
  })
}

export interface Usage {
  usage: number
  /** What the pod asked for; usage of pods without does not count. */
  request?: number
}

/**
 * From the usage of each pod, as percent of what all of them requested. Of missing and unready pods the requests are
 * given; missing ones count as using all of it (or the target, if that is more) when it would go down.
 */
export function fromUtilization(
  measured: readonly Usage[],
  gaps: { missing: readonly number[]; unready: readonly number[] },
  targetPercent: number,
  counts: Counts,
): Proposed & { rawAverage?: number } {
  if (measured.length === 0) return { error: noMetrics }
  const utilization = (all: readonly Usage[]): Average => {
    const known = all.filter(({ request }) => request !== undefined)
    const usage = known.reduce((sum, one) => sum + one.usage, 0)
    const requested = known.reduce((sum, one) => sum + (one.request ?? 0), 0)
    const value = Math.trunc((usage * 100) / requested)
    return { ratio: value / targetPercent, value, count: all.length, raw: usage / known.length }
  }
  const first = utilization(measured)
  if (Number.isNaN(first.value)) return { error: 'no metrics returned matched known pods' }
  const full = Math.max(100, targetPercent)
  const of = (requests: readonly number[], percent: number) =>
    requests.map((request) => ({ request, usage: Math.trunc((request * percent) / 100) }))
  const { missing, unready } = gaps
  const sizes = { missing: missing.length, unready: unready.length }
  const proposal = propose(first, sizes, counts, (down, up) =>
    utilization([
      ...measured,
      ...(down ? of(missing, full) : up ? of(missing, 0) : []),
      ...(up ? of(unready, 0) : []),
    ]),
  )
  return { ...proposal, rawAverage: Math.trunc(first.raw ?? 0) }
}

interface Average {
  ratio: number
  value: number
  count: number
  raw?: number
}

function propose(
  { ratio, value }: Average,
  { missing, unready }: { missing: number; unready: number },
  { current, ready, tolerance }: Counts,
  refill: (down: boolean, up: boolean) => Average,
): Proposal {
  const unreadyCount = unready > 0 && ratio > 1
  if (!unreadyCount && missing === 0) {
    if (isWithin(ratio, tolerance)) return { replicas: current, ratio, value, kept: 'tolerance' }
    return { replicas: whole(ratio * ready), ratio, value }
  }
  const { ratio: newRatio, count } = refill(ratio < 1, ratio > 1)
  const refilled = { ratio: newRatio, count }
  const stay = (kept: NonNullable<Proposal['kept']>) => {
    return { replicas: current, ratio, value, refilled, kept }
  }
  if (isWithin(newRatio, tolerance)) return stay('tolerance')
  if ((ratio < 1 && newRatio > 1) || (ratio > 1 && newRatio < 1)) return stay('direction')
  const replicas = whole(newRatio * count)
  const against = newRatio < 1 ? replicas > current : replicas < current
  return against ? stay('against') : { replicas, ratio, value, refilled }
}

/** From one value for all, of which the ratio to the target is what each ready pod has too much of. */
export function fromValue(value: number, target: number, counts: Counts): Proposal {
  const ratio = value / target
  const { current, ready, tolerance } = counts
  if (current === 0) return { replicas: whole(ratio), ratio, value }
  if (isWithin(ratio, tolerance)) return { replicas: current, ratio, value, kept: 'tolerance' }
  return { replicas: whole(ratio * ready), ratio, value }
}

/** From a total, of which each replica shall have `target`; held against as many as there are (`status`). */
export function fromTotal(
  total: number,
  target: number,
  { status, tolerance }: { status: number; tolerance: Tolerance },
): Proposal {
  const ratio = total / (target * status)
  const value = Math.ceil(total / status)
  if (isWithin(ratio, tolerance)) return { replicas: status, ratio, value, kept: 'tolerance' }
  return { replicas: whole(total / target), ratio, value }
}

function whole(replicas: number): number {
  return Math.min(maxReplicas, Math.ceil(replicas))
}
