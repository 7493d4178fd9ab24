import { randomUUID } from 'node:crypto'
import type { ProducedRecord } from '../pipeline/bus/bus.ts'
import type { Decision } from '../pipeline/decision.ts'
import type { MarathonState, ServiceState } from '../pipeline/service-state.ts'
import type { SeenGroup, SignalDeclarations } from '../pipeline/signals.ts'
import type { Given } from './decide.ts'
import {
  encodePages,
  markOf,
  packMarks,
  type Evaluation,
  type GridStart,
  type JournalEntry,
  type JournalSettings,
} from './journal.ts'
import type { ServiceMemory } from './memory.ts'

/** What an evaluation finds. */
export interface Found {
  nowMs: number
  services: readonly ServiceState[]
  marathons: readonly MarathonState[]
  /** By service. */
  given: ReadonlyMap<string, Given>
  memories: () => readonly ServiceMemory[]
  /** Where a reader who begins with this evaluation has to read the signals. */
  gridStart: (isFirst: boolean) => { grid: GridStart; seen: readonly SeenGroup[] }
}

export interface Evaluated extends Pick<
  Evaluation,
  'ts' | 'nowMs' | 'offset' | 'unsure' | 'unmeasured'
> {
  busy: string[]
  /** By service; undefined where it could not be evaluated. */
  decisions: ReadonlyMap<string, Decision | undefined>
}

/** So often everything is written, ms. */
const everythingEveryMs = 3_600_000

/** Of groups that fell silent, in one entry. */
const groupsAtOnce = 500

/** Notes what each evaluation knew, for the ledger to write. */
export function openJournal(options: {
  settings: JournalSettings
  signals: SignalDeclarations
}): Journal {
  const reign = randomUUID()
  let entries: JournalEntry[] = []
  let pages = 0
  let begunMs: number | undefined
  let states = new Map<string, ServiceState>()
  /** As JSON. */
  let given = new Map<string, string>()
  let marathons = ''
  let services = ''

  function begin({ nowMs, memories, gridStart }: Found) {
    const isFirst = begunMs === undefined
    const cause = isFirst ? 'start' : 'hour'
    begunMs = nowMs
    states = new Map()
    given = new Map()
    marathons = ''
    services = ''
    const { grid, seen } = gridStart(isFirst)
    const { settings, signals } = options
    entries.push({ kind: 'begin', cause, nowMs, settings, signals, grid })
    for (let at = 0; at < seen.length; at += groupsAtOnce) {
      entries.push({ kind: 'seen', groups: seen.slice(at, at + groupsAtOnce) })
    }
    for (const memory of memories()) entries.push({ kind: 'memory', memory })
  }

  function noteStates(told: readonly ServiceState[]) {
    const gone = new Set(states.keys())
    for (const state of told) {
      const { service } = state
      gone.delete(service)
      if (isSame(states.get(service), state)) continue
      states.set(service, state)
      entries.push({ kind: 'state', state })
    }
    for (const service of gone) {
      states.delete(service)
      entries.push({ kind: 'gone', service })
    }
  }

  function noteGiven(now: ReadonlyMap<string, Given>) {
    for (const [service, one] of now) {
      const text = JSON.stringify(one)
      if ((given.get(service) ?? '{}') === text) continue
      given.set(service, text)
      entries.push({ kind: 'given', service, given: one })
    }
  }

  return {
    found(found) {
      if (begunMs === undefined || found.nowMs - begunMs >= everythingEveryMs) begin(found)
      noteStates(found.services)
      noteGiven(found.given)
      const text = JSON.stringify(found.marathons)
      if (marathons !== text) entries.push({ kind: 'marathons', marathons: found.marathons })
      marathons = text
    },
    evaluated({ busy, decisions, ...evaluation }) {
      const names = [...decisions.keys()]
      const text = JSON.stringify(names)
      const marks = [...decisions.values()].map((decision) => (decision ? markOf(decision) : 0))
      entries.push({
        kind: 'evaluation',
        ...evaluation,
        ...(busy.length > 0 ? { busy } : {}),
        ...(services === text ? {} : { services: names }),
        marks: packMarks(marks),
      })
      services = text
    },
    note: (entry) => void entries.push(entry),
    take() {
      const records = encodePages(reign, pages, entries)
      pages += records.length
      entries = []
      return records
    },
  }
}

export interface Journal {
  /** Before anything is decided. */
  found(found: Found): void
  evaluated(evaluated: Evaluated): void
  /** What happened between evaluations. */
  note(entry: Extract<JournalEntry, { kind: 'settled' | 'undone' | 'released' }>): void
  /** What is to be written, once. */
  take(): ProducedRecord[]
}

function isSame(before: ServiceState | undefined, now: ServiceState): boolean {
  return before === now || (before !== undefined && JSON.stringify(before) === JSON.stringify(now))
}
