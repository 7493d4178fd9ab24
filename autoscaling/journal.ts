/**
 * The journal of evaluations: what each one knew, in the order in which it happened, on the topic `evaluations`. With the
 * records of `signals` up to the same offset it gives every decision again (`replay.ts`).
 *
 * Each process that begins to scale writes under a name of its own (its reign), and first of all everything there is to
 * know; so it does again each hour, so that a reader can begin there. What is in between are changes.
 */
import { zstdDecompressSync } from 'node:zlib'
import type { BusRecord, ProducedRecord } from '../pipeline/bus/bus.ts'
import type { Decision } from '../pipeline/decision.ts'
import { hashInto } from '../pipeline/hash64.ts'
import { encodeBody } from '../pipeline/record.ts'
import type { MarathonState, ServiceState } from '../pipeline/service-state.ts'
import type { GridInput } from '../pipeline/signal-grid.ts'
import type { SeenGroup, SignalDeclarations } from '../pipeline/signals.ts'
import type { Given } from './decide.ts'
import type { ServiceMemory } from './memory.ts'
import type { PolicyDeclaration } from './policy.ts'
import type { Settlement } from './turn.ts'

/** How policies were evaluated. */
export interface JournalSettings {
  intervalMs: number
  dryRun: boolean
  labels: boolean
  policies: readonly PolicyDeclaration[]
}

/** From where the signals have to be read, and what is known before. */
export interface GridStart {
  /** Of the topic `signals`. */
  offset: number
  /** The last evaluation time before, ms. */
  through?: number | undefined
  /** How far was measured; absent where the process began without knowing. */
  inputs?: readonly GridInput[]
}

export interface Begin {
  kind: 'begin'
  /** A process began to scale, or only a reader may begin here. */
  cause: 'start' | 'hour'
  nowMs: number
  settings: JournalSettings
  signals: SignalDeclarations
  grid: GridStart
}

export interface Evaluation {
  kind: 'evaluation'
  ts: number
  nowMs: number
  /** All records of `signals` before this offset were read. */
  offset: number
  unsure?: string | undefined
  unmeasured?: string | undefined
  /** Services left out since a change was under way. */
  busy?: string[]
  /** Services that were evaluated, where these are others than before. */
  services?: string[]
  /** Of the decision on each of them, 4 bytes each ({@link markOf}), base64. */
  marks: string
}

export type JournalEntry =
  | Begin
  | { kind: 'seen'; groups: SeenGroup[] }
  | { kind: 'memory'; memory: ServiceMemory }
  | { kind: 'state'; state: ServiceState }
  | { kind: 'gone'; service: string }
  | { kind: 'given'; service: string; given: Given }
  | { kind: 'marathons'; marathons: readonly MarathonState[] }
  | Evaluation
  /** Marathon answered to what was sent. */
  | ({ kind: 'settled'; service: string } & Settlement)
  /** What was sent before a restart was found not to be done. */
  | { kind: 'undone'; service: string }
  /** Somebody wants scaled again what was set by hand. */
  | { kind: 'released'; service: string }

/** One record of the topic. */
export interface JournalPage {
  v: 1
  reign: string
  /** Counts within the reign, so that a page that was written twice is read once, and a missing one is missed. */
  page: number
  entries: JournalEntry[]
}

/** So much JSON in one record, as a rule. */
const pageLength = 2 ** 19

export function encodePages(
  reign: string,
  first: number,
  entries: readonly JournalEntry[],
): ProducedRecord[] {
  const pages: JournalEntry[][] = []
  let length = Infinity
  for (const entry of entries) {
    if (length > pageLength) {
      pages.push([])
      length = 0
    }
    length += JSON.stringify(entry).length
    pages.at(-1)?.push(entry)
  }
  return pages.map((page, i) => {
    const value: JournalPage = { v: 1, reign, page: first + i, entries: page }
    return { key: reign, value: encodeBody(Buffer.from(JSON.stringify(value))) }
  })
}

/** Far above any real record: a hostile one must not fill the memory. */
const maxOutputLength = 64 * 2 ** 20

/** Undefined where it is no page of this version. Never throws. */
export function decodePage({ value }: Pick<BusRecord, 'value'>): JournalPage | undefined {
  try {
    const json = zstdDecompressSync(value, { maxOutputLength }).toString('utf8')
    const page = JSON.parse(json) as Partial<JournalPage> | null
    const isSound =
      page?.v === 1 &&
      typeof page.reign === 'string' &&
      Number.isInteger(page.page) &&
      Array.isArray(page.entries) &&
      page.entries.every((entry: Partial<JournalEntry> | null) => typeof entry?.kind === 'string')
    return isSound ? (page as JournalPage) : undefined
  } catch {
    return undefined
  }
}

const hash = new Int32Array(2)

/** Tells decisions apart: two that say the same to a person, to the last digit, are one. */
export function markOf({ outcome, reason, from, to, message }: Decision): number {
  hashInto(hash, `${outcome} ${reason} ${from} ${to} ${message}`)
  return hash[0] ?? 0
}

export function packMarks(marks: readonly number[]): string {
  const packed = Buffer.alloc(marks.length * 4)
  for (const [i, mark] of marks.entries()) packed.writeInt32LE(mark, i * 4)
  return packed.toString('base64')
}

/** Undefined where there is none. */
export function markAt(marks: string, index: number): number | undefined {
  const packed = Buffer.from(marks, 'base64')
  return index >= 0 && packed.length >= index * 4 + 4 ? packed.readInt32LE(index * 4) : undefined
}
