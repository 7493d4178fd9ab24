import { quantileOf } from './measures.ts'
import type { SignalDeclaration } from './signals.ts'

/** What of a signal says whether instances can follow it. */
export type Followed = Pick<SignalDeclaration, 'from' | 'metric' | 'measure' | 'by'>

/** Of lines, changes or samples counted: what is measured of two groups is the sum for both. */
export function isAdditive({ measure }: Pick<SignalDeclaration, 'measure'>): boolean {
  return measure === 'rate' || measure === 'count' || measure === 'sum'
}

/** Why instances cannot follow a signal, with the remedy; undefined if they can. The end of a sentence about it. */
export function scalingFault(signal: Followed): string | undefined {
  const { from, metric, measure, by } = signal
  if (measure === 'absent') return 'says only that something is absent: measure a rate or a metric'
  if (!by.includes('service')) return 'is not kept per service: add service to its `by`'
  const finer = by.filter((part) => !['cluster', 'service', 'task'].includes(part))
  if (finer.length > 0 && !isAdditive(signal)) {
    return `is kept per ${finer.join(' and ')} too, and the ${measure} of several has no sum: keep it per service and task`
  }
  // An average over those that were measured would not tell how many were not.
  if (from === 'metrics' && metric?.startsWith('container.') && !by.includes('task')) {
    return 'is measured of each task: add task to its `by`, so that missing ones are seen'
  }
  return undefined
}

/** Why no instance can be said to have its share of it. */
export function averageFault({ measure, by }: Followed): string | undefined {
  if (by.includes('task') || quantileOf(measure) === undefined) return undefined
  return 'is a percentile, of which no instance has a share: make it a value (`{ value: … }`, `autoscale.value.…`)'
}

/** Why instances cannot follow the signal of the whole service as it is. */
export function valueFault({ measure, by }: Followed): string | undefined {
  if (by.includes('task')) return 'is kept per task: give what each shall have, not a value'
  if (!isAdditive({ measure })) return undefined
  return 'is a total, which more instances do not make smaller: give what each shall have, not a value'
}
