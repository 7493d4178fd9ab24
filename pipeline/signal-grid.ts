/**
 * The grid of evaluation times that alert rules and scaling policies share, without bus or clock: takes the records of
 * `signals` in their order and steps along as far as everything that signals are measured from has been measured. The
 * same for live evaluation and back-tests.
 */
import { explain } from './errors.ts'
import type { Identity } from './identity.ts'
import { endsSignal, openEnds } from './signal-ends.ts'
import { openDerived, valuesOnce } from './signal-derived.ts'
import { readBuckets, readWatermark, type SignalRecord } from './signal-records.ts'
import {
  openSignalBoard,
  topicsOf,
  type SeenGroup,
  type SignalDeclarations,
  type SignalTopic,
  type SignalValues,
  type Watched,
} from './signals.ts'

export interface SignalGridOptions {
  signals: SignalDeclarations
  /** Distance of evaluation times, ms; they are its multiples. */
  intervalMs: number
  /** How far measuring must have come beyond an evaluation time. */
  lagAllowanceMs?: number
  /** Of each topic that a signal may be measured from: each partition has its own watermark. */
  partitions: (topic: SignalTopic) => number
  seenForMs?: number
  /** Signals of samples of which somebody wants to know who was measured before. */
  missed?: ReadonlySet<string>
  /** Longer stretches that nobody evaluated are skipped, ms. */
  catchUpMs?: number
  /** A watermark that moves further than this at once tells that collecting was interrupted, ms; unless set it never was. */
  watchGapMs?: number
  /** What an earlier process left. */
  restored?: {
    /** The last evaluation time, ms. */
    through: number | undefined
    /** How far each input was measured then: evaluation goes on at the same record as if it had not stopped. */
    inputs?: readonly GridInput[]
    seen?: readonly SeenGroup[]
    watched?: Watched | undefined
  }
}

/** An evaluation that is due. */
export interface GridTime {
  /** ms of event time. */
  ts: number
  /** The signal at `ts`; made once, however often it is asked for. */
  valuesOf(signal: string): SignalValues
  /** Of one of the `missed`: who was measured before, and is not at `ts`. */
  silentOf(signal: string): SeenGroup[]
  /** Set where evaluation times before this one were skipped. */
  skippedFrom?: number
}

/** Where measuring stands in one partition. */
export interface GridInput {
  topic: SignalTopic
  partition: number
  /** Undefined where it has never told. */
  through: number | undefined
}

export interface SignalGrid {
  /** Takes records in their order; returns what was not understood. */
  take(records: readonly SignalRecord[]): { offset: number; reason: string }[]
  /** The next evaluation, if everything before its time has been measured; the same until it is `done`. */
  next(): GridTime | undefined
  /**
   * The evaluation of `ts` is over: forgets what later ones do not need, but no group of which `keep` says so. Returns
   * groups that fell silent, and those that are forgotten, for who writes them down.
   */
  done(
    ts: number,
    keep?: (group: string) => boolean,
  ): { silent: SeenGroup[]; forgotten: SeenGroup[] }
  /** Why nothing more comes of a group that was measured last at `lastMs`; undefined where that is not known. */
  endOf(group: Identity, lastMs: number): string | undefined
  /** Time up to which every input was measured; undefined while one has never told. */
  measuredThrough(): number | undefined
  /** The input that is furthest behind. */
  slowest(): GridInput
  /** All of them, for who writes them down. */
  inputs(): GridInput[]
  /** The last evaluation time, ms. */
  through(): number | undefined
  /** From when on absence can be told. */
  watched(): Watched | undefined
  /** Where a later process has to read `signals` from; `next` if nothing before is needed. */
  neededFrom(next: number): number
}

const defaultCatchUpMs = 24 * 3_600_000

export function openSignalGrid(options: SignalGridOptions): SignalGrid {
  const { signals, intervalMs, lagAllowanceMs = 0, catchUpMs = defaultCatchUpMs } = options
  const { seenForMs, partitions, watchGapMs = Infinity } = options
  const { signals: derived } = openDerived(signals)
  const board = openSignalBoard(signals, {
    ...(seenForMs === undefined ? {} : { seenForMs }),
    ...(options.missed ? { missed: options.missed } : {}),
  })
  const ends = openEnds(signals)
  const inputs = inputsOf(topicsOf(signals), partitions)
  /** Stretches of the topic and the event time up to which their buckets are needed. */
  let stretches: { offset: number; until: number }[] = []
  const carried = { silent: [] as SeenGroup[], forgotten: [] as SeenGroup[] }
  let through = options.restored?.through
  let watched = options.restored?.watched
  let measuredBefore = through
  for (const seen of options.restored?.seen ?? []) board.remember(seen, true)
  for (const before of options.restored?.inputs ?? []) {
    const input = inputOf(before)
    if (input) input.through = before.through
  }

  function inputOf({ topic, partition }: Pick<GridInput, 'topic' | 'partition'>) {
    return inputs.find((one) => one.topic === topic && one.partition === partition)
  }

  function takeBuckets(record: SignalRecord) {
    let until = Number.NEGATIVE_INFINITY
    for (const bucket of readBuckets(record.value)) {
      if (bucket.signal === endsSignal) {
        // Also one that comes late: the next evaluation is told of it.
        ends.put(bucket)
        until = Math.max(until, ends.neededUntil(bucket))
        continue
      }
      const needed = board.neededUntil(bucket)
      if (through !== undefined && needed <= through) {
        // Read again from further back than its window: only that the group was heard still matters.
        if (bucket.count > 0) board.remember(bucket, false)
      } else if (board.put(bucket)) until = Math.max(until, needed)
    }
    if (until > Number.NEGATIVE_INFINITY) noteStretch(record.offset, until)
  }

  function noteStretch(offset: number, until: number) {
    const last = stretches.at(-1)
    if (last && until - last.until < intervalMs) last.until = Math.max(last.until, until)
    else stretches.push({ offset, until })
  }

  /** Before the first evaluation nothing else forgets: a long history must not pile up in memory. */
  function trimHistory() {
    const measured = measuredThrough()
    if (through !== undefined || measured === undefined) return
    const oldest = floorTo(measured - lagAllowanceMs, intervalMs)
    const { silent, forgotten } = board.dropBefore(oldest)
    ends.dropBefore(oldest)
    carried.silent.push(...silent)
    carried.forgotten.push(...forgotten)
    stretches = stretches.filter(({ until }) => until > oldest)
  }

  /** Those of topics that no signal is measured from are let pass. */
  function takeWatermark(record: SignalRecord) {
    const { through, ...place } = readWatermark(record.value, partitions)
    const input = inputOf(place)
    if (!input) return
    input.through = Math.max(input.through ?? through, through)
    noteInterruption()
  }

  /** What nobody collected meanwhile came late, or never: from it no absence can be concluded. */
  function noteInterruption() {
    const measured = measuredThrough()
    if (measured === undefined) return
    if (measuredBefore !== undefined && measured - measuredBefore > watchGapMs) {
      watched = { heardSince: 0, ...watched, since: measured }
    }
    measuredBefore = Math.max(measured, measuredBefore ?? measured)
  }

  function measuredThrough(): number | undefined {
    let slowest = Infinity
    for (const { through } of inputs) {
      if (through === undefined) return undefined
      slowest = Math.min(slowest, through)
    }
    return slowest
  }

  /** The next evaluation time, and where skipping began if the one before was too long ago. */
  function nextTime(): { ts: number; skippedFrom?: number } | undefined {
    const measured = measuredThrough()
    if (measured === undefined) return undefined
    const newest = floorTo(measured - lagAllowanceMs, intervalMs)
    const next = through === undefined ? newest : floorTo(through, intervalMs) + intervalMs
    if (next > newest) return undefined
    const earliest = newest - floorTo(catchUpMs, intervalMs)
    return next < earliest ? { ts: earliest, skippedFrom: next } : { ts: next }
  }

  return {
    take(records) {
      const faults: { offset: number; reason: string }[] = []
      for (const record of records) {
        try {
          if (record.headers['kind'] === 'watermark') takeWatermark(record)
          else if (record.headers['kind'] === 'bucket') takeBuckets(record)
          else throw new Error(`unknown kind "${record.headers['kind']}"`)
        } catch (error) {
          faults.push({ offset: record.offset, reason: explain(error) })
        }
      }
      trimHistory()
      return faults
    },
    next() {
      const due = nextTime()
      if (!due) return undefined
      const valuesOf = valuesOnce(derived, (signal) => board.valuesAt(signal, due.ts, watched))
      const silent = new Map<string, SeenGroup[]>()
      const silentOf = (signal: string): SeenGroup[] => {
        const made = silent.get(signal) ?? board.silentAt(signal, due.ts)
        silent.set(signal, made)
        return made
      }
      return { ...due, valuesOf, silentOf }
    },
    done(ts, keep) {
      through = ts
      stretches = stretches.filter(({ until }) => until > ts)
      const { silent, forgotten } = board.dropBefore(ts, keep)
      ends.dropBefore(ts)
      return {
        silent: [...carried.silent.splice(0), ...silent],
        forgotten: [...carried.forgotten.splice(0), ...forgotten],
      }
    },
    endOf: ends.endOf,
    measuredThrough,
    slowest() {
      const order = inputs.toSorted((a, b) => (a.through ?? -Infinity) - (b.through ?? -Infinity))
      return { ...(order[0] as GridInput) }
    },
    inputs: () => inputs.map((input) => ({ ...input })),
    through: () => through,
    watched: () => watched,
    neededFrom: (next) => stretches[0]?.offset ?? next,
  }
}

function inputsOf(topics: SignalTopic[], partitions: (topic: SignalTopic) => number): GridInput[] {
  return topics.flatMap((topic) =>
    Array.from({ length: partitions(topic) }, (_, partition) => ({
      topic,
      partition,
      through: undefined,
    })),
  )
}

function floorTo(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs
}
