import type { SignalDeclaration } from './signals.ts'

type Declared = Pick<SignalDeclaration, 'from' | 'metric' | 'measure' | 'by'>

/** Of lines, changes or samples counted: what is measured of two groups is the sum for both. */
export function isAdditive({ measure }: Pick<SignalDeclaration, 'measure'>): boolean {
  return measure === 'rate' || measure === 'count' || measure === 'sum'
}

/** Why instances cannot follow a signal, with the remedy; undefined if they can. The end of a sentence about it. */
export function scalingFault(signal: Declared): string | undefined {
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
