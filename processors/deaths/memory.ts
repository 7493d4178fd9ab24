import { isoToMs } from '../../pipeline/event.ts'
import { distance, idOf, isKilledBy, togetherMs, type Death } from './death.ts'
import type { Told } from './doc.ts'
import type { HealthKill, Piece, Start } from './piece.ts'

/** A death that is, or lately was, put together. */
export interface Known {
  death: Death
  /** What was told of it here, in the order of arrival. */
  pieces: Piece[]
  /** Whether an earlier process can have told of it was seen to. */
  lookedUp: boolean
  /** As it was put on the bus last. */
  written: string | undefined
  /** By us: then what comes back from the bus is not newer. */
  own: boolean
  /** More was told since the work on it began. */
  changed: boolean
  /** All that is known of it is on the bus. */
  settled: boolean
  busy: Promise<void> | undefined
  /** Of what it was heard from, by the bus: the oldest are forgotten first. */
  heardMs: number
}

/** Deaths that were told of lately, and when tasks began; bounded. */
export interface DeathMemory {
  /** The death of which the piece tells; of several the nearest. */
  find(piece: Piece): Known | undefined
  open(death: Death, heardMs: number): Known
  /** Takes what is on the bus already. */
  recall(told: Told, heardMs: number): void
  /** Whether another death than this one has the id. */
  isTaken(id: string, known: Known): boolean
  /** False where an earlier death that the piece belongs to can have been forgotten, or was never read. */
  covers(piece: Piece): boolean
  /** Nothing that came to the bus before is known. */
  coverFrom(busMs: number): void
  noteStart(start: Start): void
  /** Remembers the kill of a task; the deaths that it led to, as far as they were told already. */
  noteKill(kill: HealthKill): Known[]
  /** That led to this death. */
  killOf(death: Death): HealthKill | undefined
  /** Seconds from its start, where that was seen. */
  uptime(piece: Piece): number | undefined
}

const maxDeaths = 2000
const maxStarts = 20_000
const maxKills = 2000
/** Clocks of agents may go so far wrong. */
const slackMs = 60_000

export function openDeathMemory(): DeathMemory {
  const byName = new Map<string, Known[]>()
  /** In the order in which they were heard of. */
  const all = new Set<Known>()
  const starts = new Map<string, Start>()
  const kills = new Map<string, HealthKill>()
  let coveredFrom = -Infinity

  const named = (name: string) => byName.get(name) ?? []

  const hasEnded = (name: string, since: string) =>
    named(name).some(({ death }) => isoToMs(death.time) > isoToMs(since))

  function open(death: Death, heardMs: number): Known {
    const known: Known = {
      death,
      pieces: [],
      lookedUp: false,
      written: undefined,
      own: false,
      changed: false,
      settled: false,
      busy: undefined,
      heardMs,
    }
    byName.set(death.name, [...named(death.name), known])
    all.add(known)
    if (all.size > maxDeaths) forgetOldest()
    return known
  }

  function forgetOldest(): void {
    const oldest = all.values().find(({ settled }) => settled)
    if (!oldest) return
    all.delete(oldest)
    const { name } = oldest.death
    const others = named(name).filter((known) => known !== oldest)
    if (others.length > 0) byName.set(name, others)
    else byName.delete(name)
    coveredFrom = Math.max(coveredFrom, oldest.heardMs)
  }

  return {
    find: (piece) => nearest(named(piece.name), ({ death }) => distance(death, piece)),
    open,
    recall({ death, text }, heardMs) {
      const there = named(death.name).find((known) => idOf(known.death) === idOf(death))
      if (there?.own) return
      const known = there ?? open(death, heardMs)
      known.written = text
      if (known.pieces.length > 0) {
        known.death = { ...known.death, context: { ...known.death.context, ...death.context } }
        return
      }
      known.death = death
      known.lookedUp = true
      known.settled = true
    },
    isTaken: (id, known) =>
      named(known.death.name).some((other) => other !== known && idOf(other.death) === id),
    covers: ({ time }) => isoToMs(time) - togetherMs - slackMs >= coveredFrom,
    coverFrom(busMs) {
      coveredFrom = Math.max(coveredFrom, busMs)
    },
    noteStart(start) {
      const { name, ofContainer } = start
      const before = starts.get(name)
      // Mesos tells again that it runs whenever its health changes; Docker's word is exact.
      if (!ofContainer && before && !hasEnded(name, before.time)) return
      starts.delete(name)
      starts.set(name, start)
      if (starts.size > maxStarts) starts.delete(starts.keys().next().value as string)
    },
    noteKill(kill) {
      kills.delete(kill.name)
      kills.set(kill.name, kill)
      if (kills.size > maxKills) kills.delete(kills.keys().next().value as string)
      return named(kill.name).filter(({ death }) => isKilledBy(death, kill))
    },
    killOf(death) {
      const kill = kills.get(death.name)
      return kill && isKilledBy(death, kill) ? kill : undefined
    },
    uptime({ name, time }) {
      const start = starts.get(name)
      const ms = start === undefined ? -1 : isoToMs(time) - isoToMs(start.time)
      return ms < 0 ? undefined : ms / 1000
    },
  }
}

/** That with the least distance, of those that have one. */
export function nearest<T>(
  items: readonly T[],
  distanceOf: (item: T) => number | undefined,
): T | undefined {
  let best: { item: T; apart: number } | undefined
  for (const item of items) {
    const apart = distanceOf(item)
    if (apart !== undefined && apart < (best?.apart ?? Infinity)) best = { item, apart }
  }
  return best?.item
}
