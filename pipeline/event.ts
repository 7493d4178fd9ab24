import type { Identity } from './identity.ts'

/** Log levels, from loudest to most quiet; `unknown` where the line does not say. */
export const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unknown'] as const
export type Level = (typeof levels)[number]

/** The streams a line can come from. Plain files and sandbox files are `stdout` unless their name says otherwise. */
export const streams = ['stdout', 'stderr'] as const
export type Stream = (typeof streams)[number]

/**
 * One log line (or one joined stack trace) in its final ECS form: one line of NDJSON, the keys in this order,
 * identity fields (see `identityFields`) last. `@timestamp` always has nine digits after the point, so it has
 * a fixed width, sorts as text, and the level stands at a fixed place behind it.
 *
 * @example
 * {"@timestamp":"2026-11-22T18:25:51.633858316Z","log.level":"error","event.id":"4f0c…:o:1795371951633858316:0",
 *  "event.sequence":17,"log.iostream":"stdout","message":"GET /cart 502","service.name":"/shop/web",
 *  "mesos.task.id":"shop_web.8c1…","container.id":"4f0c…","host.name":"agent-1","labels":{"team":"shop"}}
 */
export interface LogDoc {
  '@timestamp': string
  'log.level': Level
  'event.id': string
  /** Dense per source (container and stream), from 0: proves that nothing is missing, and orders equal times. */
  'event.sequence': number
  'log.iostream': Stream
  message: string
  /** `multiline`, `redacted`, `chunk` (a part of a line longer than `max_event_bytes`), `clamped-time` … */
  tags?: string[]
  [field: string]: unknown
}

/**
 * One measurement of one thing (a task, a service, an agent) at one time, as one line of NDJSON: numbers by the names of
 * `pipeline/metric-names.ts`, identity fields last. What could not be measured is absent, never zero.
 *
 * @example
 * {"@timestamp":"2026-11-22T18:25:51.633858316Z","event.id":"sample:mesos-agent:agent-1:l3f9:17","event.sequence":17,
 *  "metrics":{"container.cpu.usage":0.21,"container.memory.usage":58720256},"service.name":"/shop/web",
 *  "mesos.task.id":"shop_web.8c1…","host.name":"agent-1"}
 */
export interface SampleDoc {
  '@timestamp': string
  /** `sample:<source>:<lineage>:<sequence>` of its record. */
  'event.id': string
  /** Dense per source, from 0. */
  'event.sequence': number
  metrics: Record<string, number>
  [field: string]: unknown
}

/** What can happen to a service; written to the bus topic `changes` and searchable beside the logs. */
export const changeKinds = [
  /** A container started or died, as Docker tells it. */
  'container',
  /** A task ended: made of all that Docker, Mesos and Marathon tell of it (`processors/deaths.ts`). */
  'task',
  /** A state of a task, as Mesos or Marathon tells it. */
  'status',
  /** A deployment of Marathon began, went on, ended, is stuck. */
  'deployment',
  /** Instances of a service were changed, or could not be. */
  'scaling',
  /** A task's health checks changed their mind, or Marathon kills it for them. */
  'health',
  /** A check's state: ok, warning, critical, unknown. */
  'check',
  /** How a service is run has a weakness (`found`), or has it no more (`gone`): `pipeline/posture.ts`. */
  'posture',
  /** The cluster itself: a leader, an agent. */
  'cluster',
  'alert',
  'gap',
  'drop',
  'collector',
] as const
export type ChangeKind = (typeof changeKinds)[number]

/**
 * Something changed: a container started or died, an alert fired, a gap was found.
 *
 * @example
 * {"@timestamp":"2026-11-22T18:26:02.000000000Z","event.id":"change:container:4f0c…:die:1795371962000",
 *  "event.kind":"container","event.action":"died","message":"exit code 1","service.name":"/shop/web"}
 */
export interface ChangeDoc {
  '@timestamp': string
  'event.id': string
  'event.kind': ChangeKind
  'event.action': string
  message: string
  [field: string]: unknown
}

/** Of a record of the bus, as a dead letter keeps it. */
export interface Original {
  topic: string
  key: string
  headers: Record<string, string>
  /** Base64. */
  value: string
}

/**
 * Bytes that could not become an event, with the reason; nothing is thrown away without one of these.
 *
 * @example
 * {"@timestamp":"…","event.id":"dead:docker:4f0c…:8812","event.kind":"dead","reason":"not a json-file record",
 *  "origin":"/var/lib/docker/containers/4f0c…/4f0c…-json.log at byte 8812","bytes":120,"sample":"{\"log\":\"x…"}
 */
export interface DeadLetter {
  '@timestamp': string
  'event.id': string
  'event.kind': 'dead'
  reason: string
  origin: string
  /** How many bytes were not understood. */
  bytes: number
  /** Their beginning, at most 4 KiB, as latin1. */
  sample: string
  /** What it was on the bus (`pipeline/dead-letter.ts`), where it can be given back. */
  original?: Original
  /** When and by whom it was given back; absent again if it was refused again. */
  redriven?: { at: string; by: string }
  [field: string]: unknown
}

/**
 * One bucket of a signal: the absolute count for one group, partition and stretch of event time, and of signals over
 * metrics what is needed to merge it with others. Writing it again replaces it; it only grows.
 *
 * @example
 * {"signal":"errors","group":{"service":"/shop/web"},"from":1795371950000,"to":1795371955000,"partition":2,
 *  "count":12,"lastMs":1795371954120}
 */
export interface SignalBucket {
  signal: string
  group: Identity
  /** Start of the bucket, ms, inclusive. */
  from: number
  /** End of the bucket, ms, exclusive. */
  to: number
  /** Of the topic that the signal is measured from. */
  partition: number
  /** Lines, changes or samples. */
  count: number
  /** Time of the newest event counted, ms. */
  lastMs: number
  /** Of what has numbers: sum, extremes and the newest of the `count` values. */
  values?: BucketValues
  /** How the values are distributed, as text (`pipeline/sketch.ts`), where percentiles are measured. */
  sketch?: string
  /** Which different values there are, as text (`pipeline/distinct.ts`), where they are counted. */
  distinct?: string
}

export interface BucketValues {
  sum: number
  min: number
  max: number
  /** The value at `lastMs`. */
  last: number
}

const nsPerMs = 1_000_000n

/** Nanoseconds since the epoch of an ISO time with up to nine fraction digits (`…:51.63Z`); undefined if it is none. */
export function isoToNs(iso: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(iso)
  if (!match) return undefined
  const ms = Date.parse(`${match[1]}Z`)
  if (Number.isNaN(ms)) return undefined
  return BigInt(ms) * nsPerMs + BigInt((match[2] ?? '').padEnd(9, '0'))
}

/** The fixed-width form of event times: nine fraction digits and `Z`. */
export function nsToIso(ns: bigint): string {
  // Rounded down, also before 1970.
  const rest = ((ns % nsPerMs) + nsPerMs) % nsPerMs
  const iso = new Date(Number((ns - rest) / nsPerMs)).toISOString()
  return `${iso.slice(0, 23)}${rest.toString().padStart(6, '0')}Z`
}

export function msToIso(ms: number): string {
  return nsToIso(BigInt(Math.trunc(ms)) * nsPerMs)
}

/** Milliseconds (rounded down) of a fixed-width ISO time. */
export function isoToMs(iso: string): number {
  return Date.parse(`${iso.slice(0, 23)}Z`)
}

/** The UTC day of a fixed-width ISO time (`2026-11-22`). */
export function isoDay(iso: string): string {
  return iso.slice(0, 10)
}
