import { offsetAt } from '../pipeline/bus/offset-at.ts'
import type { Bus, BusRecord } from '../pipeline/bus/bus.ts'
import type { DecisionDoc } from '../pipeline/decision.ts'
import { Trouble } from '../pipeline/errors.ts'
import type { SimulationLine } from '../pipeline/simulation.ts'
import type { Begin } from './journal.ts'
import { readJournal } from './journal-reader.ts'
import { openSimulation, type Simulation, type SimulationOptions } from './simulate.ts'
import { openStarts } from './starts.ts'
import { span } from './words.ts'

export interface PastQuestion extends Pick<
  SimulationOptions,
  'service' | 'from' | 'to' | 'policy' | 'capacity'
> {
  /** ms; as it was unless given. */
  startMs?: number | undefined
}

type Reader = Pick<Bus, 'read' | 'ends' | 'partitions'>

/** A journal says everything once an hour; a little more, since it came a little later. */
const everythingWithinMs = 3_900_000
/** Of the time for the first reading of the journal alone. */
const firstShare = 0.1
/** Where nobody saw an instance start, ms. */
const assumedStartMs = 30_000
const readLimits = { maxBytes: 2 ** 20 }

/** Simulates along what the bus still has; the answer comes last. */
export async function* simulatePast(
  bus: Reader,
  question: PastQuestion,
): AsyncGenerator<SimulationLine> {
  const { service, from, to, policy } = question
  const place = { topic: 'evaluations', partition: 0 } as const
  const since = await offsetAt(bus, place, from - everythingWithinMs)
  const starts = openStarts(service)
  let begin: number | undefined
  for await (const { entries, offset, progress } of readJournal(bus, since)) {
    for (const entry of entries) {
      starts.take(entry)
      if (entry.kind !== 'begin' || (begin !== undefined && entry.nowMs > from)) continue
      if (await isReadable(bus, entry)) begin = offset
    }
    yield { progress: progress * firstShare }
  }
  if (begin === undefined) {
    throw nothingRecorded()
  }
  const ms = question.startMs ?? starts.median() ?? assumedStartMs
  const start = { ms, starts: question.startMs === undefined ? starts.count() : 0 }
  const simulation = openSimulation({ ...question, start, partitions: bus.partitions })
  for await (const progress of feed(bus, simulation, { begin, to })) {
    yield { progress: firstShare + progress * (1 - firstShare) }
  }
  const result = simulation.result(await toldThen(bus, question))
  if (!result) {
    throw nothingRecorded()
  }
  const isAssumed = policy && question.startMs === undefined && starts.count() === 0
  const remarks = isAssumed
    ? [`nobody saw an instance start: ${span(ms)} are assumed`, ...result.remarks]
    : result.remarks
  yield { answer: { service, ...result, remarks } }
}

const nothingRecorded = () =>
  new Trouble('no evaluation of scaling policies was recorded in that time', {
    remedy: 'choose another time; they are kept as long as bus.retention says',
  })

/** The records of `signals` with which a reader who begins there has to begin are there. */
async function isReadable(bus: Reader, { grid }: Begin): Promise<boolean> {
  return (await bus.read('signals', 0, grid.offset, { maxBytes: 1 })).from <= grid.offset
}

/** Gives the simulation each entry behind the signals that were known by then. */
async function* feed(
  bus: Reader,
  simulation: Simulation,
  { begin, to }: { begin: number; to: number },
): AsyncGenerator<number> {
  let next = 0
  let ahead: BusRecord[] = []
  let isBegun = false

  async function signalsBefore(end: number) {
    for (;;) {
      const known = ahead.filter(({ offset }) => offset < end)
      simulation.takeSignals(known)
      ahead = ahead.slice(known.length)
      if (ahead.length > 0 || next >= end) return
      const batch = await bus.read('signals', 0, next, readLimits)
      ahead = batch.records
      next = Math.max(batch.next, next + 1)
    }
  }

  for await (const { entries, isAnew, progress } of readJournal(bus, begin)) {
    if (isAnew) {
      simulation.interrupt()
      isBegun = false
    }
    for (const entry of entries) {
      if (entry.kind === 'begin' && !isBegun) {
        isBegun = true
        next = await firstSignal(bus, entry)
        ahead = []
      }
      if (entry.kind === 'evaluation') {
        if (entry.ts > to) return
        await signalsBefore(entry.offset)
      }
      simulation.take(entry)
    }
    yield progress
  }
}

/**
 * Whoever begins between two hours reads further back than a process that began: of a group without a bucket in its window
 * it is not written down when it was heard last.
 */
async function firstSignal(bus: Reader, { cause, nowMs, grid, signals }: Begin): Promise<number> {
  if (cause === 'start') return grid.offset
  const longest = Math.max(0, ...Object.values(signals).map(({ overMs }) => overMs))
  const place = { topic: 'signals', partition: 0 } as const
  return Math.min(grid.offset, await offsetAt(bus, place, nowMs - 3 * longest - 60_000))
}

/** What the topic `decisions` has of the service. */
async function toldThen(bus: Reader, { service, from }: PastQuestion): Promise<DecisionDoc[]> {
  const [end = 0] = await bus.ends('decisions')
  const docs: DecisionDoc[] = []
  let offset = await offsetAt(bus, { topic: 'decisions', partition: 0 }, from)
  while (offset < end) {
    const { records, next } = await bus.read('decisions', 0, offset, readLimits)
    for (const { key, value } of records) if (key === service) docs.push(...parsed(value))
    offset = Math.max(next, offset + 1)
  }
  return docs
}

/** None where it is of another version. */
function parsed(value: Uint8Array): DecisionDoc[] {
  try {
    const doc = JSON.parse(Buffer.from(value).toString('utf8')) as Partial<DecisionDoc> | null
    const isSound = typeof doc?.['event.id'] === 'string' && Number.isFinite(doc.decision?.ts)
    return isSound ? [doc as DecisionDoc] : []
  } catch {
    return []
  }
}
