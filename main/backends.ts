import { join } from 'node:path'
import { elasticsearchConnection, kafkaConnection } from '../config/servers.ts'
import type { Settings } from '../config/settings.ts'
import type { Bus } from '../pipeline/bus/bus.ts'
import { openEmbeddedBus } from '../pipeline/bus/embedded.ts'
import { pause, type Clock } from '../pipeline/clock.ts'
import { explain, isRetryable, Trouble } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import { openSqliteStore } from '../pipeline/store/sqlite.ts'
import { defaultRetention } from '../pipeline/store/retention.ts'
import type { Store } from '../pipeline/store/store.ts'
import { storeDirectory } from './files.ts'
import { retentionTimes } from './retention.ts'

const retryMs = { first: 500, most: 10_000 }

export interface Patience {
  isRemote: boolean
  log: Logger
  /** Ends the waiting. */
  signal?: AbortSignal
  /** Told what is waited for, and when that is over. */
  tell?: (trouble: string | undefined) => void
}

/**
 * Opens a bus or store; while its servers are away it waits and says so, since a machine that starts again must not need
 * them to be there first. Rejects where no waiting helps.
 */
export async function patiently<T>(
  what: string,
  open: () => Promise<T>,
  { isRemote, log, signal, tell }: Patience,
): Promise<T> {
  for (let waitMs = retryMs.first; ; waitMs = Math.min(waitMs * 2, retryMs.most)) {
    try {
      const opened = await open()
      tell?.(undefined)
      return opened
    } catch (error) {
      if (!isRemote || !isRetryable(error) || signal?.aborted) throw error
      tell?.(`waiting for the ${what}: ${explain(error)}`)
      log.warn({ trouble: explain(error) }, `waiting for the ${what}`)
      await pause(waitMs, signal)
      if (signal?.aborted) throw error
    }
  }
}

/** A bus that is opened in the background: who only writes can begin before it is there. */
export interface Way extends Pick<Bus, 'produce' | 'partitions'> {
  opened: Promise<Bus>
  /** Waits until opening has ended, whatever came of it. */
  close(): Promise<void>
}

const openingMs = 3000

/** `trouble`: why it is not there yet. */
export function openWay(opening: Promise<Bus>, trouble: () => string | undefined): Way {
  let bus: Bus | undefined
  const opened = opening.then((there) => (bus = there))
  // Whoever waits for it hears of it.
  opened.catch(() => {})
  const there = (): Bus => {
    if (bus) return bus
    throw new Trouble(trouble() ?? 'the bus is not open yet', { retryable: true })
  }
  return {
    opened,
    async produce(topic, records) {
      // Most often it is just being opened, and there is nothing to tell.
      if (!bus && trouble() === undefined) await Promise.race([opened, pause(openingMs)])
      return there().produce(topic, records)
    },
    partitions: (topic) => there().partitions(topic),
    async close() {
      await opened.catch(() => {})
      await bus?.close()
    },
  }
}

/** Kafka where it is set up, else the file in the data directory. */
export async function openBus(
  { data, bus }: Settings,
  { clock, log }: { clock: Clock; log: Logger },
): Promise<Bus> {
  const { kafka, retention, max_bytes: maxBytes } = bus
  if (!kafka) {
    return openEmbeddedBus({ dir: join(data, 'bus'), clock, retentionMs: retention, maxBytes })
  }
  const { prefix, replication, partitions } = kafka
  // Loaded only where it is needed.
  const { openKafkaBus } = await import('../pipeline/bus/kafka.ts')
  return openKafkaBus({
    ...kafkaConnection(kafka),
    prefix,
    replication,
    partitions,
    retentionMs: retention,
    log: log.child({ part: 'kafka' }),
  })
}

const longestDays = (kept: Readonly<Record<string, number>>) =>
  Object.values(kept).map((ms) => Math.ceil(ms / 86_400_000))

/** Elasticsearch where it is set up, else the files in the data directory. */
export async function openStore({ data, store }: Settings, clock: Clock): Promise<Store> {
  const { elasticsearch } = store
  const times = retentionTimes(store)
  if (!elasticsearch) return openSqliteStore({ dir: storeDirectory(data) })
  const { prefix, replicas, shards, mode } = elasticsearch
  const { openElasticsearchStore } = await import('../pipeline/store/elasticsearch.ts')
  return openElasticsearchStore({
    connection: elasticsearchConnection(elasticsearch),
    prefix,
    index: { replicas, shards, mode },
    retentions: Object.keys(times).filter((name) => name !== defaultRetention),
    // What is kept longer than a year has to be taken as late.
    pastDays: Math.max(366, ...Object.values(times).flatMap(longestDays)),
    clock,
  })
}
