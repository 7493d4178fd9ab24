/**
 * What stands in the compacted topic `alerts`, by key:
 *
 * - `state:<fingerprint>` an alert with the rule that owns it
 * - `evaluator` how far evaluation came, and from where `signals` has to be read again
 * - `seen:<hash>` a group that fell silent, for signals of measure `absent`
 * - `log:<hash>` what a rule on single lines remembers
 * - `lines` how far these rules were given lines
 * - `health` how each rule was evaluated lately
 * - `silence:<id>` a silence
 * - `posted:<fingerprint>` an alert from outside
 * - `told:<hash>` what a receiver was told of a group
 * - `held` what holds alerts back: deployments, lost agents
 * - `test:<id>` what became of a test of receivers
 * - `requests` how far the topic `requests` was taken, and when somebody was there to take it
 * - `notify:<incident>:<firing|resolved>` what has to be told, and to whom it was told
 */
import type { BusRecord, ProducedRecord } from '../pipeline/bus/bus.ts'
import type { HoldingState } from './holding.ts'
import type { LogRuleState } from './rules/log-rule.ts'
import type { AlertState } from './rules/state.ts'
import type { PostedAlert } from './stages/alerts.ts'
import type { LogEntry } from './stages/dedup.ts'
import type { Silence } from './stages/silences.ts'
import type { ReceiverTrial } from '../pipeline/notification-desk.ts'
import type { GridInput } from '../pipeline/signal-grid.ts'
import { sha256 } from '../pipeline/sha256.ts'
import type { SeenGroup, Watched } from '../pipeline/signals.ts'
import type { RuleFacts } from './words.ts'

export interface OwnedState {
  /** The id of the rule (see `Rule.id`). */
  rule: string
  facts: RuleFacts
  alert: AlertState
}

export interface RuleHealth {
  alert: string
  when: string
  /** Evaluation time of the last evaluation, ms; undefined before the first. */
  lastEvaluation: number | undefined
  durationMs: number | undefined
  error: string | undefined
}

export interface Progress {
  /** The last evaluation time, ms. */
  through: number
  /** Reading `signals` from here brings back every bucket that later evaluations need. */
  offset: number
  /** Hash of the signals' declarations: with others the offset means nothing. */
  signals: string
  /** Up to which event time each input was measured; absent before 0.7. */
  inputs?: GridInput[]
  watched?: Watched
}

/** Something to tell people: one a state of an incident. */
export interface Notification {
  incident: string
  state: 'firing' | 'resolved'
  /** Evaluation time, ms. */
  ts: number
  alert: AlertState
  facts: RuleFacts
  /** Why it is resolved, where not because the condition ended. */
  reason?: string
  /** All targets have it, or have refused it for good and it was replaced. */
  sent: boolean
  /** Why nobody was told of it, as long as it lasted. */
  muted?: string
  sentAt?: number
  /** By `<channel> <target>`. */
  deliveries: Record<string, DeliveryRecord>
}

export interface DeliveryRecord {
  outcome: 'accepted' | 'refused'
  at: number
  /** The answer of the other side. */
  detail: string
}

/** What became of a test of receivers. */
export interface TestRecord {
  id: string
  atMs: number
  results: ReceiverTrial[]
}

export interface AlertRecords {
  states: OwnedState[]
  progress: Progress | undefined
  seen: SeenGroup[]
  notifications: Notification[]
  /** Of rules on single lines, by their id. */
  logs: Map<string, LogRuleState>
  /** See `LineReader.position`. */
  lines: unknown
  health: RuleHealth[]
  silences: Silence[]
  /** Alerts from outside. */
  posted: PostedAlert[]
  /** What receivers were told, by their key in the notification log. */
  told: [key: string, entry: LogEntry][]
  tests: TestRecord[]
  held: HoldingState | undefined
  /** Where to read the topic `requests` on. */
  requests: number | undefined
  /** When somebody took requests last, ms. */
  attendedMs: number | undefined
  /** Records that could not be read, with the reason. */
  unreadable: { key: string; reason: string }[]
}

export function incidentOf({ fingerprint, activeAt }: AlertState): string {
  return `${fingerprint}-${activeAt}`
}

export const stateKey = (fingerprint: string) => `state:${fingerprint}`
export const progressKey = 'evaluator'
export const linesKey = 'lines'
export const healthKey = 'health'
export const requestsKey = 'requests'
export const heldKey = 'held'
export const silenceKey = (id: string) => `silence:${id}`
export const testKey = (id: string) => `test:${id}`
export const postedKey = (fingerprint: string) => `posted:${fingerprint}`
export const toldKey = (key: string) => `told:${sha256(key, 24)}`
export const logKey = (rule: string) => `log:${sha256(rule, 24)}`
export const notifyKey = ({ incident, state }: Pick<Notification, 'incident' | 'state'>) =>
  `notify:${incident}:${state}`

export function encode(key: string, value: object): ProducedRecord {
  return { key, value: Buffer.from(JSON.stringify(value, finite)) }
}

/** An empty value deletes the key. */
export function erase(key: string): ProducedRecord {
  return { key, value: new Uint8Array(0) }
}

/** JSON has no infinity (a ratio over nothing): it travels as text. */
function finite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}

/** Of a snapshot of the topic what has one of these keys, or a key that begins so: the rest can be much. */
export function decodeSome(
  latest: ReadonlyMap<string, BusRecord>,
  ...beginnings: readonly string[]
): AlertRecords {
  return decodeAll(
    new Map([...latest].filter(([key]) => beginnings.some((one) => key.startsWith(one)))),
  )
}

/** Reads a snapshot of the topic. Never throws: what it cannot read is listed. */
export function decodeAll(latest: ReadonlyMap<string, BusRecord>): AlertRecords {
  const records: AlertRecords = {
    states: [],
    progress: undefined,
    seen: [],
    notifications: [],
    logs: new Map(),
    lines: undefined,
    health: [],
    silences: [],
    posted: [],
    told: [],
    tests: [],
    held: undefined,
    requests: undefined,
    attendedMs: undefined,
    unreadable: [],
  }
  for (const [key, record] of latest) {
    try {
      decodeInto(records, key, JSON.parse(Buffer.from(record.value).toString('utf8')))
    } catch (error) {
      records.unreadable.push({ key, reason: String(error) })
    }
  }
  return records
}

function decodeInto(records: AlertRecords, key: string, value: unknown) {
  if (key === progressKey) records.progress = value as Progress
  else if (key === linesKey) records.lines = value
  else if (key === healthKey) records.health = (value as { rules: RuleHealth[] }).rules
  else if (key === heldKey) records.held = value as HoldingState
  else if (key === requestsKey) {
    const { position, atMs } = value as { position: number; atMs?: number }
    records.requests = position
    records.attendedMs = atMs
  } else if (key.startsWith('silence:')) records.silences.push(value as Silence)
  else if (key.startsWith('test:')) records.tests.push(value as TestRecord)
  else if (key.startsWith('posted:')) records.posted.push(value as PostedAlert)
  else if (key.startsWith('told:')) {
    const { key: of, entry } = value as { key: string; entry: LogEntry }
    records.told.push([of, entry])
  } else if (key.startsWith('log:')) {
    const { rule, state } = value as { rule: string; state: LogRuleState }
    records.logs.set(rule, state)
  } else if (key.startsWith('state:')) records.states.push(withNumbers(value as OwnedState))
  else if (key.startsWith('seen:')) records.seen.push(value as SeenGroup)
  else if (key.startsWith('notify:')) records.notifications.push(withNumbers(value as Notification))
  else throw new Error('not a key of this version')
}

/** The inverse of {@link finite}. */
function number(written: unknown): number {
  return Number(written)
}

function withNumbers<T extends { alert: AlertState }>(record: T): T {
  const { alert } = record
  const signals = Object.entries(alert.signals).map(([name, value]) => [name, number(value)])
  const numbers = {
    value: number(alert.value),
    peak: number(alert.peak),
    signals: Object.fromEntries(signals) as Record<string, number>,
    ...(alert.threshold === undefined ? {} : { threshold: number(alert.threshold) }),
  }
  return { ...record, alert: { ...alert, ...numbers } }
}
