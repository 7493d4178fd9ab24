/**
 * The bus: partitioned, ordered, durable. Kafka in a cluster, an embedded log on one machine; one contract suite
 * (`test/contracts/bus.ts`) for both.
 *
 * - Order: records of one key keep the order in which `produce` was called, in one partition.
 * - Durable: `produce` resolves after the records survive a kill of the process (embedded) or of a broker (Kafka).
 * - At least once: a group is given each record until it has committed a position beyond it.
 */
export interface Bus {
  /** How many partitions `topic` has. */
  partitions(topic: Topic): number
  /**
   * Appends `records` in order. Rejects with a retryable Trouble when the bus is full or away; then none, some or
   * all may have been appended, and the caller sends all of them again.
   */
  produce(topic: Topic, records: readonly ProducedRecord[]): Promise<void>
  /** Reads on behalf of a group. Returns at once; the handlers are called until `close`. */
  consume(consumer: ConsumerOptions): Consumer
  /**
   * Records from `offset` on, outside any group (live tail, snapshots); an empty batch where there are none yet.
   * `from` in the answer is the first offset that still exists if `offset` was trimmed away: a gap the caller names.
   */
  read(topic: Topic, partition: number, offset: number, limits: ReadLimits): Promise<Batch>
  /** The offset that the next record of each partition will get. */
  ends(topic: Topic): Promise<number[]>
  /**
   * The newest record of each key of a compacted topic, and the offsets up to which it is true, so that a reader
   * can go on from there without missing or repeating a record. An empty value deletes its key.
   */
  snapshot(topic: Topic): Promise<{ latest: Map<string, BusRecord>; ends: number[] }>
  /**
   * Positions a group has committed, by partition: the next offset to read. Where it has started and not committed
   * anything yet there may be none, or the position at which it started.
   */
  committed(group: string, topic: Topic): Promise<Map<number, number>>
  /** Waits for produces under way, ends all consumers, releases the files. */
  close(): Promise<void>
}

export const topics = {
  logs: { partitions: 4, compacted: false, sentence: 'log records, keyed by container' },
  metrics: { partitions: 2, compacted: false, sentence: 'samples, keyed by where they were taken' },
  changes: { partitions: 1, compacted: false, sentence: 'lifecycle changes, keyed by service' },
  dead: { partitions: 1, compacted: false, sentence: 'bytes that could not become an event' },
  identity: {
    partitions: 1,
    compacted: true,
    sentence: 'what is known of each container and task, by their ids (`pipeline/identity.ts`)',
  },
  services: {
    partitions: 1,
    compacted: true,
    sentence: 'each service as Marathon tells it, by its id, and how fresh that is',
  },
  posture: {
    partitions: 1,
    compacted: true,
    sentence:
      'how each container runs, and each app is to run, by their ids (`pipeline/posture.ts`)',
  },
  findings: {
    partitions: 1,
    compacted: true,
    sentence: 'what is held and was told of how each service is run',
  },
  signals: { partitions: 1, compacted: false, sentence: 'buckets of the signals, and watermarks' },
  alerts: {
    partitions: 1,
    compacted: true,
    sentence: 'states of alerts, and what was sent for them',
  },
  requests: {
    partitions: 1,
    compacted: false,
    sentence:
      'what is asked of the processes that notify and scale: alerts from outside, silences, pauses of scaling',
  },
  decisions: {
    partitions: 1,
    compacted: false,
    sentence: 'decisions on scaling, keyed by service',
  },
  evaluations: {
    partitions: 1,
    compacted: false,
    sentence: 'what each evaluation of scaling policies knew (`autoscaling/journal.ts`)',
  },
  scaling: {
    partitions: 1,
    compacted: true,
    sentence: 'what the autoscaler remembers of each service',
  },
  state: { partitions: 1, compacted: true, sentence: 'snapshots of the measuring processors' },
  processes: { partitions: 1, compacted: true, sentence: 'how each process is, as it told last' },
} as const satisfies Record<string, { partitions: number; compacted: boolean; sentence: string }>

export type Topic = keyof typeof topics

/** What only collectors bring, and in any amount: a full bus refuses it first, and the spool holds it. */
export const bulkTopics: ReadonlySet<Topic> = new Set<Topic>(['logs', 'metrics'])

export interface ProducedRecord {
  key: string
  value: Uint8Array
  headers?: Record<string, string>
  /** Instead of the one the key hashes to; for marks that must reach every partition. */
  partition?: number
}

export interface BusRecord {
  offset: number
  key: string
  value: Uint8Array
  headers: Record<string, string>
  /** When it was appended, ms. */
  time: number
}

export interface Batch {
  topic: Topic
  partition: number
  records: BusRecord[]
  /** First offset that exists at or after the asked one. */
  from: number
  /** The offset to read next. */
  next: number
  /** The offset after the partition's last record at the time of reading: `end - next` records are waiting. */
  end: number
}

export interface ReadLimits {
  /** Stop before the record that would exceed this; a single larger record is still given alone. */
  maxBytes: number
}

export interface ConsumerOptions {
  group: string
  topic: Topic
  maxBytes?: number
  /**
   * Called when partitions come to this member, before their first batch. The returned positions (from the
   * owner's own snapshot) win over the committed ones; without either, reading starts at the oldest record. When
   * it rejects, it is called again after a pause.
   */
  onAssigned?: (partitions: number[]) => Promise<Map<number, number> | void>
  /**
   * Called when partitions were taken from this member, also by `close`, after their last batch and before another
   * member has them: what is held for them can be forgotten.
   */
  onRevoked?: (partitions: number[]) => void
  /**
   * Called with one batch of one partition at a time, batches of different partitions side by side. When it
   * resolves, `batch.next` is committed. When it rejects, the same batch comes again after a pause: forever if
   * need be, so what can never succeed has to become a dead letter in the handler. A batch that it holds does not hold
   * up the next one: positions are committed in order, each when what its batch holds has settled; if that rejects, the
   * same batch comes again beside the newer ones.
   */
  onBatch: (batch: Batch) => Promise<Held | void>
  /** Told of each failed attempt, also of `onAssigned` (with an empty batch of partition 0). */
  onFailure?: (error: unknown, batch: Batch) => void
  /** Reading goes on after a failure, and nothing has come yet that a handler could succeed with. */
  onRecovered?: () => void
}

/** A batch of which a part is still to be handled. */
export interface Held {
  /** Settles when all of it is; within a bounded time also when the consumer is closed meanwhile. */
  settled: Promise<void>
}

export interface Consumer {
  /** Leaves the group after the batches under way; their positions are committed, the other members go on there. */
  close(): Promise<void>
}

/** The partition a key belongs to: FNV-1a over its UTF-16 units, modulo. */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % partitions
}
