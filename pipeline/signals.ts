import stringify from 'fast-json-stable-stringify'
import type { SignalBucket } from './event.ts'
import type { Identity } from './identity.ts'
import type { Measure } from './measures.ts'
import { sha256 } from './sha256.ts'
import {
  addPart,
  countsZero,
  openWindow,
  partOf,
  valueOf,
  type Part,
  type Window,
} from './signal-window.ts'

/** The bus topics that signals are measured from. */
export const signalTopics = ['logs', 'metrics', 'changes'] as const
export type SignalTopic = (typeof signalTopics)[number]

/** Also other signals, at each evaluation time. */
export const signalSources = [...signalTopics, 'signals'] as const
export type SignalSource = (typeof signalSources)[number]

/** The declaration of one signal, as the settings give it. */
export interface SignalDeclaration {
  from: SignalSource
  /** Of samples: which of their numbers (`pipeline/metric-names.ts`). */
  metric?: string
  /** Of lines and changes: the field that is measured; with `cardinality` that whose different values are counted. */
  field?: string
  /** The number only grows until its process starts anew: what it grew by is measured. */
  counter?: boolean
  /** With `from: signals`: CEL over signals. */
  value?: string
  /** Which lines, samples or changes count, in the query language of `pipeline/query.ts`. */
  where: string
  measure: Measure
  /** Length of the window behind each evaluation time, ms. */
  overMs: number
  by: (keyof Identity)[]
  /** With `absent`: groups that are missed though nobody has heard them yet. */
  expected?: Identity[]
  /** Of the value, where it is known: `ratio`, `bytes`. */
  unit?: string
}

export type SignalDeclarations = Record<string, SignalDeclaration>

/** The topics that these signals are measured from; without any signal `logs`, so that time goes on. */
export function topicsOf(signals: Record<string, Pick<SignalDeclaration, 'from'>>): SignalTopic[] {
  const read = new Set(Object.values(signals).map(({ from }) => from))
  const topics = signalTopics.filter((topic) => read.has(topic))
  return topics.length === 0 ? ['logs'] : topics
}

/** One group of a signal at one evaluation time. */
export interface SignalValue {
  group: Identity
  /** `rate`: events a second; `count`: events; `absent`: 1 or 0; else in the unit of the metric. */
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
  /**
   * Takes a bucket; replaces an earlier one of the same signal, group, start and partition, unless that has counted more:
   * then this one comes from an owner of the partition that another has followed. False if no such signal.
   */
  put(bucket: SignalBucket): boolean
  /**
   * The signal at `ts`: of events in [ts − over, ts), for every group heard within `seenForMs` before; of samples
   * only for groups that have one in the window, since what was not measured has no value.
   */
  valuesAt(signal: string, ts: number, watched?: Watched): SignalValues
  /** Groups that were heard within `seenForMs` before, and of which nothing lies in the window. */
  silentAt(signal: string, ts: number): SeenGroup[]
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
  /** Absolute values by partition. */
  parts: Map<number, Part>
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

/** What is left of an identity when only these parts of it are looked at; what it does not have is left out. */
export function groupOf(identity: Identity, by: readonly (keyof Identity)[]): Identity {
  return Object.fromEntries(
    by.flatMap((part) => (identity[part] === undefined ? [] : [[part, identity[part]]])),
  )
}

/** The key under which a compacted topic remembers that a group fell silent. */
export function seenKey({ signal, group }: SeenGroup): string {
  return `seen:${sha256(`${signal} ${groupKey(group)}`, 24)}`
}

/** Where it is another, what was read before means nothing. */
export function declarationsHash(signals: SignalDeclarations): string {
  return sha256(stringify(signals), 16)
}

const always: Watched = { since: -Infinity, heardSince: -Infinity }

/** A group is known to be one (and can be absent) for this long after its last event. */
export const defaultSeenForMs = 24 * 3_600_000

export function openSignalBoard(
  declarations: SignalDeclarations,
  {
    seenForMs = defaultSeenForMs,
    missed = new Set(),
  }: {
    seenForMs?: number
    /** Signals of samples of which somebody wants to know who was measured before. */
    missed?: ReadonlySet<string>
  } = {},
): SignalBoard {
  const bySignal = new Map<string, Map<string, Series>>()
  /** By signal and group key. */
  const expected = new Map<string, [string, Identity][]>()
  for (const [name, { measure, expected: groups = [] }] of Object.entries(declarations)) {
    bySignal.set(name, new Map())
    if (measure !== 'absent' || groups.length === 0) continue
    expected.set(
      name,
      groups.map((group) => [groupKey(group), group]),
    )
  }

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

  /** Groups of the others have no value without a bucket, so that nobody misses them. */
  function isMissed(signal: string): boolean {
    const declaration = declarations[signal]
    if (!declaration || missed.has(signal)) return true
    return countsZero(declaration) || declaration.measure === 'absent'
  }

  return {
    put(bucket) {
      const series = seriesOf(bucket.signal, bucket.group)
      if (!series) return false
      const slot = series.slots.get(bucket.from)
      const part = partOf(bucket)
      if (slot) {
        if (part.count >= (slot.parts.get(bucket.partition)?.count ?? 0))
          slot.parts.set(bucket.partition, part)
      } else {
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
        const window = measureAt(series, ts - declaration.overMs, ts)
        const { lastMs } = window
        const value = valueOf(declaration, window)
        if (value === undefined) continue
        const absent = declaration.measure === 'absent'
        const tooOld = lastMs < ts - Math.max(seenForMs, declaration.overMs)
        if (!Number.isFinite(lastMs) || (tooOld && !absent)) continue
        if (absent && lastMs < watched.heardSince) continue
        const unwatched = window.count === 0 && ts - declaration.overMs < watched.since
        const found = { group: series.group, value, lastMs }
        values.set(key, absent && (tooOld || unwatched) ? { ...found, unknown: true } : found)
      }
      for (const [key, group] of expected.get(signal) ?? []) {
        if (values.has(key)) continue
        const since = ts - declaration.overMs
        const found = { group, value: 1, lastMs: Math.max(since, watched.since) }
        values.set(key, since < watched.since ? { ...found, unknown: true } : found)
      }
      return values
    },
    silentAt(signal, ts) {
      const over = declarations[signal]?.overMs ?? 0
      const silent: SeenGroup[] = []
      for (const series of bySignal.get(signal)?.values() ?? []) {
        const { count, lastMs } = measureAt(series, ts - over, ts)
        if (count > 0 || !Number.isFinite(lastMs) || lastMs < ts - Math.max(seenForMs, over))
          continue
        silent.push({ signal, group: series.group, lastMs })
      }
      return silent
    },
    dropBefore(ts, keep = () => false) {
      const silent: SeenGroup[] = []
      const forgotten: SeenGroup[] = []
      for (const [signal, groups] of bySignal) {
        const over = declarations[signal]?.overMs ?? 0
        const missed = isMissed(signal)
        for (const [key, series] of groups) {
          dropSlots(series, ts - over)
          if (series.slots.size > 0) continue
          const seen = { signal, group: series.group, lastMs: series.droppedLastMs }
          if (!missed) {
            groups.delete(key)
            if (series.told && Number.isFinite(seen.lastMs)) forgotten.push(seen)
          } else if (seen.lastMs < ts - Math.max(seenForMs, over) && !keep(key)) {
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
      if (!told && !isMissed(signal)) return
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

function measureAt(series: Series, from: number, ts: number): Window {
  const window = openWindow(series.droppedLastMs)
  for (const [start, slot] of series.slots) {
    if (slot.to > ts) continue
    for (const [partition, part] of slot.parts) {
      if (start >= from) addPart(window, part, partition)
      if (part.count > 0 && part.lastMs > window.lastMs) window.lastMs = part.lastMs
    }
  }
  return window
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
