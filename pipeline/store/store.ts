import type { ChangeDoc, DeadLetter, Level, LogDoc, SampleDoc, SignalBucket } from '../event.ts'
import type { Identity } from '../identity.ts'
import type { LogRecord } from '../record.ts'
import type { TimeRange } from './range.ts'
import type { FirstDays } from './retention.ts'

export type { TimeRange }

/**
 * The store: everything searchable. Elasticsearch in a cluster, SQLite on one machine; one contract suite
 * (`test/contracts/store.ts`) for both. Writes are idempotent by id: writing the same again changes nothing.
 */
export interface Store {
  /**
   * Stores the lines of `records`. Resolves when they survive a kill. Rejects (retryable) when none, some or all may
   * have been stored; the caller sends all of them again.
   */
  appendLogs(records: readonly LogRecord[]): Promise<AppendResult>
  /** Stores or replaces documents by `event.id`; an id always comes with the same UTC day, but perhaps with another retention. */
  putDocs(docClass: DocClass, docs: readonly StoredDoc[]): Promise<void>
  /** Stores samples by `event.id`; one that is there already is left alone. */
  putSamples(samples: readonly SampleDoc[]): Promise<void>
  /**
   * Stores or replaces buckets by (signal, group, from, partition). One that has counted more stays: a bucket only grows,
   * so the smaller one comes late from an owner of the partition that another has followed.
   */
  putBuckets(buckets: readonly SignalBucket[]): Promise<void>
  /**
   * Completes the identity of lines that were stored before it was known: those named by id, or all of a source
   * that are unresolved. Returns how many lines changed: none if it is done again.
   */
  patchIdentity(patches: readonly IdentityPatch[]): Promise<number>
  /** Rejects with Trouble (not retryable) where the query cannot be answered, as do `histogram` and `docs`. */
  search(query: LogQuery): Promise<LogPage>
  /** The lines around one, of the same source; undefined if there is no such line. */
  context(id: string, before: number, after: number): Promise<LogDoc[] | undefined>
  histogram(query: LogQuery, bucketMs: number): Promise<Histogram>
  /** Services that have lines in the time range, most recently heard first. */
  services(range: TimeRange): Promise<ServiceSummary[]>
  /** Newest first. */
  docs(docClass: DocClass, query: DocQuery): Promise<StoredDoc[]>
  /** Newest first unless `asc`. */
  samples(query: SampleQuery): Promise<SampleDoc[]>
  /** Buckets of a signal whose start lies in the range, ascending by start. */
  buckets(signal: string, range: TimeRange): Promise<SignalBucket[]>
  /**
   * A signal for charts: its buckets merged to steps, over partitions and over all groups that agree in `by`.
   * Ascending by start; `partition` is -1.
   */
  series(signal: string, query: SeriesQuery): Promise<SignalBucket[]>
  /** What is there and what is missing per source in the stored sequences: the loss audit. */
  audit(scope: AuditScope): Promise<Audit>
  /** Deletes what is older than it is kept (`retention.ts`); returns the days, ascending, of which anything was deleted. */
  retain(firstDays: FirstDays): Promise<string[]>
  close(): Promise<void>
}

export const docClasses = ['changes', 'alerts', 'decisions', 'dead'] as const
export type DocClass = (typeof docClasses)[number]

export type StoredDoc = (ChangeDoc | DeadLetter) & Record<string, unknown>

export interface AppendResult {
  stored: number
  /** Lines that were there already. */
  duplicates: number
  /** Records that can never be stored, with the reason; the caller makes dead letters of them. */
  rejected: { record: LogRecord; reason: string }[]
}

/** With `ids` those lines of the source; without, all of its lines that have no service (or no task: `lacking`). */
export interface IdentityPatch {
  source: string
  ids?: string[]
  /** `service` unless set. */
  lacking?: 'service' | 'task'
  identity: Identity
}

export interface LogQuery extends TimeRange {
  /** Exact service names; any of them, so an empty list finds nothing. `levels` likewise. */
  services?: string[]
  levels?: Level[]
  /** Not these services. */
  without?: string[]
  /** A task id, or a part of it that tells it from others (`8c1f` of `shop_web.8c1f…`). */
  task?: string
  /** Lucene-like, see `pipeline/query.ts`. */
  query?: string
  /** A linear-time regular expression (RE2) that the message must contain. */
  grep?: string
  /** Newest first unless `asc`. */
  order?: 'asc' | 'desc'
  /** At most this many hits, 200 unless set. */
  limit?: number
  /** `next` of the page before; the same query must be asked. Lines that arrive meanwhile do not shift pages. */
  cursor?: string
}

export interface LogPage {
  /** In the order of time, then source, then sequence. */
  hits: LogDoc[]
  /** Where the next page starts; absent on the last one. */
  next?: string
}

export interface Histogram {
  bucketMs: number
  /** Start of each bucket, ms, ascending; counts by level. Buckets without lines are left out. */
  buckets: { from: number; levels: Partial<Record<Level, number>> }[]
  total: number
}

export interface ServiceSummary {
  service: string
  lines: number
  levels: Partial<Record<Level, number>>
  /** Tasks that wrote in the range, newest first, at most 100. */
  tasks: string[]
  /** Number of tasks that wrote in the range. */
  taskCount: number
  /** Time of the newest line, ms. */
  lastMs: number
}

export interface SeriesQuery extends TimeRange {
  /** Steps begin at its multiples, ms. */
  stepMs: number
  /** What the groups of the answer are made of; the others are merged. */
  by: readonly (keyof Identity)[]
  /** Only these. */
  services?: string[]
  /** Also how values are distributed, for percentiles and numbers of different values; each bucket is read for it. */
  distributed?: boolean
}

export interface DocQuery extends TimeRange {
  services?: string[]
  /** Exact `event.kind`. */
  kind?: string
  /** Any of these kinds. */
  kinds?: readonly string[]
  /** Exact `mesos.task.id`. */
  task?: string
  /** Lucene-like, see `pipeline/query.ts`. */
  query?: string
  /** At most this many, 200 unless set. */
  limit?: number
}

export interface SampleQuery extends TimeRange {
  services?: string[]
  /** Exact. */
  task?: string
  /** Samples that have this metric. */
  metric?: string
  order?: 'asc' | 'desc'
  /** At most this many, 200 unless set. */
  limit?: number
}

export interface AuditScope extends TimeRange {
  /** Exact names; all services where absent. */
  services?: string[]
}

export interface Audit {
  /** Containers' streams, files, senders that have lines in the range. */
  sources: number
  /** In the range. */
  lines: number
  /**
   * Gaps of which any part lies in the range, by source. Around a range with both ends a gap is recognised if its neighbours are
   * no further away than `withMargin` of `range.ts` looks.
   */
  gaps: SequenceGap[]
}

/** Lines that were counted at the source and are not in the store. */
export interface SequenceGap {
  source: string
  service: string
  /** First and last missing sequence, inclusive. */
  missing: [number, number]
  /** Times of the lines on both sides of the gap. */
  between: [string, string]
}
