import { explain } from './errors.ts'
import { openEnvironment, signalsIn, type SignalNumbers } from './expression.ts'
import type { Identity } from './identity.ts'
import { quantileOf, type Measure } from './measures.ts'
import { checkGroups, join, type Joined } from './signal-join.ts'
import {
  groupKey,
  groupOf,
  type SignalDeclaration,
  type SignalDeclarations,
  type SignalValue,
  type SignalValues,
} from './signals.ts'

/** A signal that is made of others at each evaluation time. */
export interface Derived {
  /** In the order in which its expression names them. */
  reads: readonly string[]
  /** `valuesOf`: of what it reads, at the same time. A group whose result is no finite number has no value. */
  valuesAt(valuesOf: (signal: string) => SignalValues): SignalValues
}

export interface OpenedDerived {
  signals: ReadonlyMap<string, Derived>
  /** Of those that cannot be: by name, what is wrong. */
  faults: ReadonlyMap<string, string>
}

/** All signals `from: signals` of a declaration; what is wrong with one stops no other. */
export function openDerived(signals: SignalDeclarations): OpenedDerived {
  const opened = new Map<string, Derived>()
  const faults = new Map<string, string>()
  const underWay = new Set<string>()

  function open(name: string): void {
    const declaration = signals[name]
    if (declaration?.from !== 'signals' || opened.has(name) || faults.has(name)) return
    if (underWay.has(name)) throw new Error(`reads itself, by way of ${[...underWay].join(', ')}`)
    underWay.add(name)
    try {
      const derived = derive(declaration, signals)
      for (const read of derived.reads) {
        open(read)
        if (faults.has(read)) throw new Error(`reads ${read}, which has a fault`)
      }
      opened.set(name, derived)
    } catch (error) {
      faults.set(name, explain(error).split('\n')[0] ?? '')
    } finally {
      underWay.delete(name)
    }
  }

  for (const name of Object.keys(signals)) open(name)
  return { signals: opened, faults }
}

function derive(declaration: SignalDeclaration, signals: SignalDeclarations): Derived {
  const { value: text = '', measure, by } = declaration
  const names = Object.keys(signals)
  const environment = openEnvironment(names)
  const parsed = environment.parse(text)
  const checked = parsed.check()
  if (!checked.valid) throw checked.error ?? new Error('not an expression')
  const isNumber = checked.type === 'double' || checked.type === 'int'
  if (!isNumber) throw new Error(`gives ${checked.type}, not a number`)
  const reads = signalsIn(parsed.ast, new Set(names))
  const [first] = reads
  if (first === undefined) throw new Error('reads no signal: it would always be the same')
  checkGroups(reads, signals)
  const given = signals[first]?.by ?? []
  const isKept = by.length === given.length && by.every((part) => given.includes(part))
  if (!isKept) checkMerge(measure, by, given)
  const calculate = (numbers: SignalNumbers) => Number(parsed(numbers))
  return {
    reads,
    valuesAt(valuesOf) {
      const results = resultsOf(join(reads, signals, valuesOf), calculate)
      return isKept && measure === 'last' ? byGroup(results) : merged(results, by, measure)
    },
  }
}

const merging: readonly Measure[] = ['avg', 'sum', 'min', 'max', 'count']

/** Groups become fewer: what of them is meant has to be said. */
function checkMerge(measure: Measure, by: readonly string[], given: readonly string[]): void {
  const strange = by.find((part) => !given.some((one) => one === part))
  if (strange !== undefined) {
    throw new Error(`is by ${strange}, but what it reads is by ${given.join(', ')}`)
  }
  if (merging.includes(measure) || quantileOf(measure) !== undefined) return
  throw new Error(
    `is by ${by.join(', ')}, and what it reads by ${given.join(', ')}: say with measure what of several is meant (${merging.join(', ')}, p95 …)`,
  )
}

function* resultsOf(
  joined: Iterable<Joined>,
  calculate: (numbers: SignalNumbers) => number,
): Generator<SignalValue> {
  for (const { group, signals, lastMs, unknown } of joined) {
    const value = calculate(signals)
    if (!Number.isFinite(value)) continue
    yield unknown ? { group, value, lastMs, unknown } : { group, value, lastMs }
  }
}

function byGroup(results: Iterable<SignalValue>): SignalValues {
  const values = new Map<string, SignalValue>()
  for (const result of results) values.set(groupKey(result.group), result)
  return values
}

function merged(
  results: Iterable<SignalValue>,
  by: readonly (keyof Identity)[],
  measure: Measure,
): SignalValues {
  const groups = new Map<string, { group: Identity; members: SignalValue[] }>()
  for (const result of results) {
    const group = groupOf(result.group, by)
    const key = groupKey(group)
    const one = groups.get(key) ?? { group, members: [] }
    groups.set(key, one)
    one.members.push(result)
  }
  return new Map(
    [...groups].map(([key, { group, members }]) => [key, mergeOf(group, members, measure)]),
  )
}

function mergeOf(group: Identity, members: readonly SignalValue[], measure: Measure): SignalValue {
  const values = members.map(({ value }) => value)
  const lastMs = members.reduce((newest, one) => Math.max(newest, one.lastMs), -Infinity)
  const value = valueOfAll(values, measure)
  const unknown = members.some((one) => one.unknown)
  return unknown ? { group, value, lastMs, unknown } : { group, value, lastMs }
}

/** Of at least one value. */
function valueOfAll(values: readonly number[], measure: Measure): number {
  const sum = () => values.reduce((a, b) => a + b, 0)
  const sorted = () => values.toSorted((a, b) => a - b)
  switch (measure) {
    case 'count':
      return values.length
    case 'sum':
      return sum()
    case 'avg':
      return sum() / values.length
    case 'min':
      return sorted()[0] as number
    case 'max':
      return sorted().at(-1) as number
    default: {
      const quantile = quantileOf(measure) ?? 1
      return sorted()[Math.floor(quantile * (values.length - 1))] as number
    }
  }
}

/** The values at one time, each signal's found once: `measured` gives those that are made of no others. */
export function valuesOnce(
  derived: OpenedDerived['signals'],
  measured: (signal: string) => SignalValues,
): (signal: string) => SignalValues {
  const known = new Map<string, SignalValues>()
  const valuesOf = (signal: string): SignalValues => {
    const found = known.get(signal)
    if (found) return found
    const values = derived.get(signal)?.valuesAt(valuesOf) ?? measured(signal)
    known.set(signal, values)
    return values
  }
  return valuesOf
}

/** The measured signals that these are made of, each once. */
export function measuredBehind(
  reads: readonly string[],
  signals: SignalDeclarations,
  derived = openDerived(signals).signals,
): string[] {
  // Each is looked at once, by however many others it is read.
  const seen = new Set<string>()
  const look = (name: string): void => {
    if (seen.has(name)) return
    seen.add(name)
    for (const read of derived.get(name)?.reads ?? []) look(read)
  }
  for (const name of reads) look(name)
  return [...seen].filter((name) => !derived.has(name))
}

/** Those that have no value where samples are missing: of lines and changes silence is a value. */
export function sampledSignals(
  signals: SignalDeclarations,
  derived = openDerived(signals).signals,
): Set<string> {
  const isSampled = (name: string) =>
    signals[name]?.from === 'metrics' && signals[name].measure !== 'absent'
  return new Set(
    Object.keys(signals).filter((name) => measuredBehind([name], signals, derived).some(isSampled)),
  )
}

/** These signals, and all that they are made of. */
export function withRead(
  names: readonly string[],
  signals: SignalDeclarations,
): SignalDeclarations {
  const { signals: derived } = openDerived(signals)
  const wanted = new Set(names)
  for (const name of wanted) for (const read of derived.get(name)?.reads ?? []) wanted.add(read)
  return Object.fromEntries(Object.entries(signals).filter(([name]) => wanted.has(name)))
}
