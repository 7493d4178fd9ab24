import stringify from 'fast-json-stable-stringify'
import type { SignalBucket } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'

/** What is measured of the matching lines of a group. */
export const measures = ['rate', 'count', 'absent'] as const
export type Measure = (typeof measures)[number]

/** The declaration of one signal, as the settings give it. */
export interface SignalDeclaration {
  from: 'logs'
  /** Which lines count, in the query language of `pipeline/query.ts`. */
  where: string
  measure: Measure
  /** Length of the window behind each evaluation time, ms. */
  overMs: number
  by: (keyof Identity)[]
}

export type SignalDeclarations = Record<string, SignalDeclaration>

/** One group of a signal at one evaluation time. */
export interface SignalValue {
  group: Identity
  /** `rate`: events a second; `count`: events; `absent`: 1 or 0. */
  value: number
  /** Time of the group's newest event before the evaluation time, ms. */
  lastMs: number
  /** The value is assumed: nobody can tell whether it is absent. Such a value starts nothing and ends nothing. */
  unknown?: boolean
}

/** What absence may be concluded from. */
export interface Watched {
  /** Collecting was not interrupted from here on, ms; a window that begins before shows no absence. */
  since: number
  /** A group that was last heard before this is history, and not missed, ms. */
  heardSince: number
}

/** By group key (see {@link groupKey}). */
export type SignalValues = ReadonlyMap<string, SignalValue>

/** A group without buckets in any window any more, and when it was last heard. */
export interface SeenGroup {
  signal: string
  group: Identity
  lastMs: number
}

/**
 * The buckets that evaluations can still need, in memory. Buckets are taken whole: windows and evaluation times
 * are to be multiples of their length, and one that reaches past the evaluation time counts only later.
 */
export interface SignalBoard {
  /** Takes a bucket; replaces an earlier one of the same signal, group, start and partition. False if no such signal. */
  put(bucket: SignalBucket): boolean
  /** The signal at `ts`: of events in [ts − over, ts), for every group heard within `seenForMs` before. */
  valuesAt(signal: string, ts: number, watched?: Watched): SignalValues
  /**
   * Forgets what no evaluation after `ts` needs, but no group of which `keep` says so. Returns groups that fell
   * silent (their buckets are all gone).
   */
  dropBefore(
    ts: number,
    keep?: (group: string) => boolean,
  ): { silent: SeenGroup[]; forgotten: SeenGroup[] }
  /**
   * Notes that a group was heard, without a bucket. `told`: an earlier `dropBefore` reported it (and it was
   * written down); otherwise the next one does.
   */
  remember(seen: SeenGroup, told: boolean): void
  /** When a bucket is no longer needed, ms of event time. */
  neededUntil(bucket: SignalBucket): number
  /** How many buckets are held. */
  size(): number
}

interface Slot {
  to: number
  /** Absolute counts by partition. */
  parts: Map<number, { count: number; lastMs: number }>
}

interface Series {
  group: Identity
  /** By start of the bucket. */
  slots: Map<number, Slot>
  /** Newest event among the slots that were dropped. */
  droppedLastMs: number
  /** False while `droppedLastMs` holds something that `dropBefore` has not reported. */
  told: boolean
}

export function groupKey(group: Identity): string {
  return stringify(group)
}

const always: Watched = { since: -Infinity, heardSince: -Infinity }

/** A group is known to be one (and can be absent) for this long after its last event. */
export const defaultSeenForMs = 24 * 3_600_000

export function openSignalBoard(
  declarations: SignalDeclarations,
  { seenForMs = defaultSeenForMs }: { seenForMs?: number } = {},
): SignalBoard {
  const bySignal = new Map<string, Map<string, Series>>()
  for (const name of Object.keys(declarations)) bySignal.set(name, new Map())

  function seriesOf(signal: string, group: Identity): Series | undefined {
    const groups = bySignal.get(signal)
    if (!groups) return undefined
    const key = groupKey(group)
    const known = groups.get(key)
    if (known) return known
    const droppedLastMs = Number.NEGATIVE_INFINITY
    const made = { group, slots: new Map<number, Slot>(), droppedLastMs, told: true }
    groups.set(key, made)
    return made
  }

  return {
    put(bucket) {
      const series = seriesOf(bucket.signal, bucket.group)
      if (!series) return false
      const slot = series.slots.get(bucket.from)
      const part = { count: bucket.count, lastMs: bucket.lastMs }
      if (slot) slot.parts.set(bucket.partition, part)
      else {
        const parts = new Map([[bucket.partition, part]])
        series.slots.set(bucket.from, { to: bucket.to, parts })
      }
      return true
    },
    valuesAt(signal, ts, watched = always) {
      const declaration = declarations[signal]
      const values = new Map<string, SignalValue>()
      if (!declaration) return values
      for (const [key, series] of bySignal.get(signal) ?? []) {
        const { count, lastMs } = measureAt(series, ts - declaration.overMs, ts)
        const absent = declaration.measure === 'absent'
        const tooOld = lastMs < ts - Math.max(seenForMs, declaration.overMs)
        if (!Number.isFinite(lastMs) || (tooOld && !absent)) continue
        if (absent && lastMs < watched.heardSince) continue
        const unwatched = count === 0 && ts - declaration.overMs < watched.since
        const value = { group: series.group, value: valueOf(declaration, count), lastMs }
        values.set(key, absent && (tooOld || unwatched) ? { ...value, unknown: true } : value)
      }
      return values
    },
    dropBefore(ts, keep = () => false) {
      const silent: SeenGroup[] = []
      const forgotten: SeenGroup[] = []
      for (const [signal, groups] of bySignal) {
        const over = declarations[signal]?.overMs ?? 0
        for (const [key, series] of groups) {
          dropSlots(series, ts - over)
          if (series.slots.size > 0) continue
          const seen = { signal, group: series.group, lastMs: series.droppedLastMs }
          if (seen.lastMs < ts - Math.max(seenForMs, over) && !keep(key)) {
            groups.delete(key)
            forgotten.push(seen)
          } else if (!series.told) {
            series.told = true
            silent.push(seen)
          }
        }
      }
      return { silent, forgotten }
    },
    remember({ signal, group, lastMs }, told) {
      const series = seriesOf(signal, group)
      if (!series || lastMs <= series.droppedLastMs) return
      series.droppedLastMs = lastMs
      series.told = told
    },
    neededUntil: (bucket) => bucket.to + (declarations[bucket.signal]?.overMs ?? 0),
    size() {
      let size = 0
      for (const groups of bySignal.values()) {
        for (const series of groups.values()) size += series.slots.size
      }
      return size
    },
  }
}

function measureAt(series: Series, from: number, ts: number) {
  let count = 0
  let lastMs = series.droppedLastMs
  for (const [start, slot] of series.slots) {
    if (slot.to > ts) continue
    for (const part of slot.parts.values()) {
      if (start >= from) count += part.count
      if (part.count > 0 && part.lastMs > lastMs) lastMs = part.lastMs
    }
  }
  return { count, lastMs }
}

function valueOf({ measure, overMs }: SignalDeclaration, count: number): number {
  if (measure === 'absent') return count > 0 ? 0 : 1
  return measure === 'rate' ? (count * 1000) / overMs : count
}

function dropSlots(series: Series, from: number) {
  for (const [start, slot] of series.slots) {
    if (start >= from) continue
    for (const part of slot.parts.values()) {
      if (part.count === 0 || part.lastMs <= series.droppedLastMs) continue
      series.droppedLastMs = part.lastMs
      series.told = false
    }
    series.slots.delete(start)
  }
}
