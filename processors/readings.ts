import type { Metrics } from '../pipeline/metrics.ts'
import {
  openField,
  parseQuery,
  type FieldReader,
  type OpenedLine,
  type Query,
} from '../pipeline/query.ts'
import type { SignalTopic } from '../pipeline/signals.ts'
import type { CountedSignal, CounterOptions, Measured } from './buckets.ts'
import type { Partition } from './partition.ts'

/** Where a number comes from: a counter is followed by itself in each of these. */
export interface Origin {
  partition: Partition
  source: string
  /** When its record came to the bus, ms. */
  busMs: number
}

/** What a signal measures of a line, a change or a sample beside that it is there; undefined where that is nothing. */
export type Reader = (line: OpenedLine, origin: Origin) => Measured | undefined

interface NamedSignal extends Pick<CountedSignal, 'field' | 'measure' | 'counter'> {
  name: string
}

export interface FieldSignal {
  read: Reader
  /** False only where nothing in this JSON text has the field. */
  mayHave: FieldReader['mayHave']
  needs: FieldReader['needs']
}

export interface Signal extends Omit<CountedSignal, 'field'> {
  name: string
  query: Query
  /** Undefined where it measures no field. */
  field: FieldSignal | undefined
}

/** The signals that are measured from a topic. */
export function openSignals({ signals, metrics }: CounterOptions, topic: SignalTopic): Signal[] {
  return Object.entries(signals).flatMap(([name, signal]) => {
    if (signal.from !== topic) return []
    const field = openFieldSignal({ ...signal, name }, metrics)
    return [{ ...signal, name, query: parseQuery(signal.where), field }]
  })
}

/** Undefined where the signal measures no field. */
export function openFieldSignal(
  signal: NamedSignal,
  metrics: Pick<Metrics, 'unusable_values_total'>,
): FieldSignal | undefined {
  if (signal.field === undefined) return undefined
  const { name, measure, counter } = signal
  const field = openField(signal.field)
  const measured = measure === 'cardinality' ? termOf : numberOf

  function read(line: OpenedLine, origin: Origin): Measured | undefined {
    const given = field.read(line)
    if (given === undefined || given === null) return undefined
    const found = measured(given)
    if (!found) metrics.unusable_values_total.inc({ signal: name })
    return found?.value !== undefined && counter ? grownBy(name, found.value, origin) : found
  }

  return { read, mayHave: field.mayHave, needs: field.needs }
}

/** What a counter grew by since it was read last. Its first reading tells nothing; if it is less, it began anew at 0. */
export function grownBy(
  signal: string,
  value: number,
  { partition: { readings }, source, busMs }: Origin,
): Measured | undefined {
  const key = `${signal} ${source}`
  const before = readings.get(key)
  readings.set(key, { value, lastMs: busMs })
  if (!before) return undefined
  return { value: value >= before.value ? value - before.value : value }
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** Texts that are numbers count as such. */
function numberOf(given: unknown): { value: number } | undefined {
  const isText = typeof given === 'string' && given.length < 40 && decimal.test(given)
  const value = isText ? Number(given) : given
  return typeof value === 'number' && Number.isFinite(value) ? { value } : undefined
}

function termOf(given: unknown): Measured | undefined {
  const isPlain =
    typeof given === 'string' || typeof given === 'number' || typeof given === 'boolean'
  return isPlain ? { term: String(given) } : undefined
}
