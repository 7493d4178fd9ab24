/**
 * What stands in the compacted topic `scaling`, by key:
 *
 * - `/shop/web` what is remembered of a service (`memory.ts`)
 * - `progress` from where `signals` has to be read again
 * - `seen:<hash>` a group that fell silent: it counts as idle, not as unknown
 * - `status:/shop/web` how it stands, for processes that show it (`standings.ts`)
 * - `pause:/shop/web`, `pause:*` that somebody wants no change of its instances, or of any (`pauses.ts`)
 * - `requests` how far the topic `requests` was taken
 */
import type { BusRecord, ProducedRecord } from '../pipeline/bus/bus.ts'
import type { Decision, DecisionDoc } from '../pipeline/decision.ts'
import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import type { ScalingPause } from '../pipeline/scaling-desk.ts'
import type { SeenGroup } from '../pipeline/signals.ts'
import { decodeMemory, type ServiceMemory } from './memory.ts'
import { readPause } from './pause.ts'

export interface Progress {
  v: 1
  /** The last evaluation time, ms. */
  through: number
  /** Reading `signals` from here brings back every bucket that later evaluations need. */
  offset: number
  /** Hash of the signals' declarations: with others the offset means nothing. */
  signals: string
}

export interface ScalingRecords {
  memories: Map<string, ServiceMemory>
  progress: Progress | undefined
  seen: SeenGroup[]
  pauses: ScalingPause[]
  /** Where to read the topic `requests` on. */
  requests: number | undefined
  /** Keys of records that are not of this version; they are left alone. */
  unreadable: string[]
}

export const progressKey = 'progress'
export const statusPrefix = 'status:'
export const requestsKey = 'requests'
const pausePrefix = 'pause:'
export const pauseKey = (service: string) => pausePrefix + service

export function encode(key: string, value: object): ProducedRecord {
  return { key, value: Buffer.from(JSON.stringify(value)) }
}

/** An empty value deletes the key. */
export function erase(key: string): ProducedRecord {
  return { key, value: new Uint8Array(0) }
}

/** Reads a snapshot of the topic. Never throws. */
export function decodeAll(latest: ReadonlyMap<string, BusRecord>): ScalingRecords {
  const records: ScalingRecords = {
    memories: new Map(),
    progress: undefined,
    seen: [],
    pauses: [],
    requests: undefined,
    unreadable: [],
  }
  for (const [key, { value }] of latest) {
    if (key.startsWith(statusPrefix)) continue
    if (value.length > 0 && !decodeInto(records, key, value)) records.unreadable.push(key)
  }
  return records
}

function decodeInto(records: ScalingRecords, key: string, value: Uint8Array): boolean {
  if (key === progressKey) {
    const progress = parsed(value) as Progress | undefined
    if (progress?.v !== 1 || !Number.isFinite(progress.offset)) return false
    records.progress = progress
    return true
  }
  if (key.startsWith('seen:')) {
    const seen = parsed(value) as SeenGroup | undefined
    if (typeof seen?.signal !== 'string' || !Number.isFinite(seen.lastMs)) return false
    records.seen.push(seen)
    return true
  }
  if (key.startsWith(pausePrefix)) {
    const pause = readPause(parsed(value))
    if (pause) records.pauses.push(pause)
    return pause !== undefined
  }
  if (key === requestsKey) {
    const { v, position } = (parsed(value) ?? {}) as { v?: number; position?: number }
    if (v !== 1 || !Number.isSafeInteger(position)) return false
    records.requests = position
    return true
  }
  const memory = decodeMemory(key, value)
  if (memory) records.memories.set(key, memory)
  return memory !== undefined
}

function parsed(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString('utf8'))
  } catch {
    return undefined
  }
}

/** The same decision always has the same id, however often it is written. */
export function decisionDoc(decision: Decision, identity: Identity): DecisionDoc {
  const { service, ts, outcome, reason, message, from, to } = decision
  return {
    '@timestamp': msToIso(ts),
    'event.id': `scaling:${service}:${ts}:${outcome}-${reason}`,
    'event.kind': 'scaling',
    'event.action': outcome,
    message,
    ...identityToEcs({ ...identity, service }),
    'scaling.from': from,
    'scaling.to': to,
    'scaling.reason': reason,
    decision,
  }
}

/** For the timeline: that instances were changed, or could not be. Without the whole of the decision. */
export function changeOf({ decision: _whole, ...doc }: DecisionDoc): ChangeDoc {
  return { ...doc, 'event.id': `change:${doc['event.id']}` }
}
