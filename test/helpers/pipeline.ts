import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import type { Bus, BusRecord, Topic } from '../../pipeline/bus/bus.ts'
import { openEmbeddedBus } from '../../pipeline/bus/embedded.ts'
import { wallClock, type Clock } from '../../pipeline/clock.ts'
import { msToIso, type Level, type LogDoc } from '../../pipeline/event.ts'
import { encodeRecord, toBusRecord, type Lineage, type LogRecord } from '../../pipeline/record.ts'
import { openSqliteStore } from '../../pipeline/store/sqlite.ts'
import type { Store } from '../../pipeline/store/store.ts'

/** A directory that goes with the test. */
export async function tempDir(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-test-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Real bus and store in a directory that goes with the test. */
export async function openBus(
  t: ExecutionContext,
  dir?: string,
  clock: Clock = wallClock,
): Promise<Bus> {
  const bus = await openEmbeddedBus({ dir: dir ?? (await tempDir(t)), clock })
  t.teardown(() => bus.close())
  return bus
}

export async function openStore(t: ExecutionContext): Promise<Store> {
  const store = openSqliteStore({ dir: await tempDir(t) })
  t.teardown(() => store.close())
  return store
}

/** Waits for a condition; fails with its name when the deadline has passed. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 30_000,
): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`still not: ${what}`)
    await sleep(10)
  }
}

export interface Lines extends Partial<Lineage> {
  source: string
  first?: number
  /** One line each. */
  levels?: Level[]
  messages?: string[]
  /** ms of each line; the last one holds for those that follow. */
  times?: number[]
}

/** The time of lines that say none. */
export const someTime = Date.UTC(2026, 10, 22, 18)

/** A record of a line for each level or message. */
export function record({ source, lineage = 'l', identity = {}, ...lines }: Lines): LogRecord {
  const { first = 0, levels = [], messages = [], times = [someTime] } = lines
  const docs = Array.from({ length: Math.max(levels.length, messages.length, 1) }, (_, i) => {
    const sequence = first + i
    return {
      '@timestamp': msToIso(times[Math.min(i, times.length - 1)] as number),
      'log.level': levels[i] ?? 'info',
      'event.id': `${source}:${sequence}`,
      'event.sequence': sequence,
      'log.iostream': 'stdout',
      message: messages[i] ?? `line ${sequence}`,
    } satisfies LogDoc
  })
  return encodeRecord(docs, { source, lineage, identity })
}

export function produceLines(bus: Bus, ...records: LogRecord[]): Promise<void> {
  return bus.produce('logs', records.map(toBusRecord))
}

/** All that a topic holds, partition after partition. */
export async function readAll(bus: Bus, topic: Topic): Promise<BusRecord[]> {
  const records: BusRecord[] = []
  for (const [partition, end] of (await bus.ends(topic)).entries()) {
    for (let offset = 0; offset < end;) {
      const batch = await bus.read(topic, partition, offset, { maxBytes: 2 ** 22 })
      records.push(...batch.records)
      offset = batch.next
    }
  }
  return records
}

export function jsonOf({ value }: Pick<BusRecord, 'value'>): unknown {
  return JSON.parse(Buffer.from(value).toString('utf8'))
}
