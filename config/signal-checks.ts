import { measures } from '../pipeline/measures.ts'
import { metricNames } from '../pipeline/metric-names.ts'
import type { AcrossFault, Readable } from './across.ts'
import { builtinSignals } from './builtin-signals.ts'
import { namesIn } from './condition.ts'
import { nearestName } from './near.ts'
import type { SignalSettings } from './settings.ts'

/** What could be read of a signal; an empty `metric` stands for one that is wrong itself. */
export interface ReadableSignal extends Partial<
  Pick<
    SignalSettings,
    'over' | 'from' | 'metric' | 'value' | 'measure' | 'by' | 'counter' | 'expected'
  >
> {
  /** The keys that are written. */
  given: ReadonlySet<string>
}

type Fault = (part: string, sentence: string) => void

/** Whether the parts of each signal fit what it is measured from. */
export function checkSignals(settings: Readable): AcrossFault[] {
  const known = knownSignals(settings)
  return Object.entries(settings.signals).flatMap(([name, signal]) => {
    const faults: AcrossFault[] = []
    const fault: Fault = (part, sentence) =>
      faults.push({ path: ['signals', name, part], sentence })
    if (signal.from === 'signals') checkDerived(signal, known, fault)
    else if (signal.from !== undefined) checkMeasured(signal, fault)
    return faults
  })
}

function checkMeasured(signal: ReadableSignal, fault: Fault): void {
  const { from, metric, measure, given } = signal
  if (given.has('value')) fault('value', 'is for from: signals')
  if (!given.has('measure')) {
    fault('measure', `is missing: expected one of ${measures.join(', ')}`)
  }
  if (from === 'metrics') {
    if (metric === undefined) fault('metric', 'is missing: which number of the samples is meant')
    else if (!isMetric(metric)) fault('metric', unknownMetric(metric))
  } else if (metric !== undefined) fault('metric', `is measured with from: metrics, not of ${from}`)
  if (measure !== undefined) checkField(signal, measure, fault)
  checkExpected(signal, fault)
}

function checkExpected({ expected, measure, by = [] }: ReadableSignal, fault: Fault): void {
  if (expected === undefined || measure === undefined) return
  if (measure !== 'absent') fault('expected', 'is for measure: absent')
  const named = by.toSorted().join(', ')
  const odd = expected.find((group) => Object.keys(group).toSorted().join(', ') !== named)
  if (odd) fault('expected', `names ${Object.keys(odd).join(', ') || 'nothing'}, and by ${named}`)
}

function checkField(
  { from, given, counter = false }: ReadableSignal,
  measure: NonNullable<SignalSettings['measure']>,
  fault: Fault,
): void {
  const hasField = given.has('field')
  const counts = measure === 'rate' || measure === 'count' || measure === 'absent'
  if (counter && measure !== 'rate' && measure !== 'sum') {
    fault('measure', `${measure} is not what a counter has: measure its sum or rate`)
  } else if (counter && from === 'changes') {
    fault('counter', 'is for lines and samples: each change stands for itself')
  } else if (measure === 'cardinality') {
    if (!hasField) fault('field', 'is missing: of which field the different values are counted')
  } else if (from === 'metrics') {
    if (hasField) fault('field', 'is for lines and changes; of samples metric is measured')
  } else if (hasField && counts && !counter) {
    fault('field', `is not needed: ${measure} counts what where chooses (${from})`)
  } else if (!hasField && (!counts || counter)) {
    fault('measure', `${measure} needs a number: name a field, or measure from: metrics`)
  }
}

const notDerived = ['metric', 'field', 'counter', 'where', 'over', 'expected'] as const

function checkDerived(
  { given, value, measure }: ReadableSignal,
  known: readonly string[],
  fault: Fault,
): void {
  for (const part of notDerived) {
    if (given.has(part)) fault(part, 'is not for from: signals, which have been measured already')
  }
  if (!given.has('value'))
    fault('value', 'is missing: what of other signals, e.g. errors / requests')
  if (measure === 'rate' || measure === 'absent' || measure === 'cardinality') {
    fault('measure', `${measure} is of lines, samples and changes, not of signals`)
  }
  if (value === undefined) return
  const names = namesIn(value)
  if (names.length === 0) fault('value', 'names no signal, so it never changes')
  for (const name of names.filter((one) => !known.includes(one))) {
    fault('value', unknownSignal(name, known))
  }
}

/** All that conditions may name. */
export function knownSignals({
  signals,
  builtinSignals: builtin,
}: Pick<Readable, 'signals' | 'builtinSignals'>): string[] {
  return [...Object.keys(signals), ...(builtin === false ? [] : Object.keys(builtinSignals))]
}

export function unknownSignal(name: string, known: readonly string[]): string {
  const meant = nearestName(name, known)
  if (meant) return `there is no signal ${name}; did you mean ${meant}?`
  if (known.length === 0) return `there is no signal ${name}; declare it under signals`
  return `there is no signal ${name}; there are ${known.slice(0, 10).join(', ')}`
}

/** Mesos serves more under `/metrics/snapshot` than anyone lists. '' is wrong itself. */
const isMetric = (name: string) =>
  name === '' ||
  /^(?:mesos|check|prometheus|series)\./.test(name) ||
  Object.hasOwn(metricNames, name)

function unknownMetric(name: string): string {
  const meant = nearestName(name, Object.keys(metricNames))
  const remedy = meant ? `did you mean ${meant}?` : 'the reference lists them, and mesos.… is there'
  return `there is no metric ${name}; ${remedy}`
}
