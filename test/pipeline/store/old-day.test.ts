import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type ExecutionContext } from 'ava'
import type { SampleDoc, SignalBucket } from '../../../pipeline/event.ts'
import { openSqliteStore, openSqliteStoreForReading } from '../../../pipeline/store/sqlite.ts'
import type { Store } from '../../../pipeline/store/store.ts'
import { dayMs, docsOf, iso, noon, openSource } from '../../contracts/lines.ts'
import { writeOldDay, type OldBucket } from './old-day.ts'

/* Days that 0.1.0 has written are read as they are, and taken over when there is something to write for them. */

const web = { service: 'web' }
const source = openSource('c1:o', web)
const lines = source.tick(3)
const later = source.tick(2, noon + 60_000)
const old: OldBucket[] = [
  ['errors', '{"service":"web"}', noon, noon + 5000, 0, 3, noon + 9],
  ['errors', '{"service":"web"}', noon, noon + 5000, 1, 4, noon + 8],
  ['errors', '{"service":"db"}', noon + 5000, noon + 10_000, 0, 5, noon + 5001],
  ['requests', '{}', noon, noon + 5000, 0, 6, noon + 7],
]
const asBuckets = old.map(([signal, group, from, to, partition, count, lastMs]): SignalBucket => ({
  signal,
  group: JSON.parse(group) as SignalBucket['group'],
  from,
  to,
  partition,
  count,
  lastMs,
}))
const [first, second, third, request] = asBuckets as [
  SignalBucket,
  SignalBucket,
  SignalBucket,
  SignalBucket,
]
const sample: SampleDoc = {
  '@timestamp': iso(noon),
  'event.id': 'sample:docker:here:l:0',
  'event.sequence': 0,
  metrics: { 'container.cpu.usage': 0.5 },
  'service.name': 'web',
}

async function oldDirectory(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-store-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  writeOldDay(dir, '2026-11-22', lines, old)
  return dir
}

const open = (t: ExecutionContext, dir: string): Store => {
  const store = openSqliteStore({ dir })
  t.teardown(() => store.close())
  return store
}

const byKey = (buckets: SignalBucket[]) =>
  buckets.toSorted((a, b) => a.from - b.from || a.partition - b.partition)

test('what cannot be written is read: buckets, lines, and no samples', async (t) => {
  const dir = await oldDirectory(t)
  const reader = openSqliteStoreForReading({ dir })
  t.teardown(() => reader.close())
  t.deepEqual(await reader.buckets('errors', {}), [first, second, third])
  t.deepEqual(await reader.buckets('errors', { from: noon + 1 }), [third])
  const steps = await reader.series('errors', { stepMs: 10_000, by: [] })
  t.deepEqual(
    steps.map(({ from, count, lastMs, values }) => [from, count, lastMs, values]),
    [[noon, 12, noon + 5001, undefined]],
  )
  t.deepEqual(await reader.samples({}), [])
  t.deepEqual((await reader.search({ order: 'asc' })).hits, docsOf(lines))
  t.deepEqual(await reader.docs('changes', { query: 'x', kinds: ['task'], task: 't' }), [])
})

test('a bucket written for it takes over the others, and one that is there is replaced', async (t) => {
  const dir = await oldDirectory(t)
  const store = open(t, dir)
  const reader = openSqliteStoreForReading({ dir })
  t.teardown(() => reader.close())
  t.deepEqual(await reader.buckets('errors', {}), [first, second, third], 'it has the file open')
  const again = { ...second, count: 40 }
  const fresh = { ...first, signal: 'cpu', values: { sum: 1, min: 0, max: 1, last: 0.5 } }
  await store.putBuckets([again, fresh])
  for (const one of [store, reader]) {
    t.deepEqual(byKey(await one.buckets('errors', {})), [first, again, third])
    t.deepEqual(await one.buckets('cpu', {}), [fresh])
    t.deepEqual(await one.buckets('requests', {}), [request])
  }
  const db = new DatabaseSync(join(dir, '2026-11-22.db'), { readOnly: true })
  t.teardown(() => db.close())
  t.is(db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'buckets'").get(), undefined)
})

test('lines, samples and changes go on in it, and leave its buckets as they are', async (t) => {
  const dir = await oldDirectory(t)
  const store = open(t, dir)
  t.like(await store.appendLogs([lines, later]), { stored: 2, duplicates: 3 })
  await store.putSamples([sample])
  t.deepEqual((await store.search({ order: 'asc' })).hits, docsOf(lines, later))
  t.deepEqual(await store.samples({ services: ['web'] }), [sample])
  t.deepEqual(await store.buckets('errors', {}), [first, second, third])
})

test('a new day beside it makes no difference', async (t) => {
  const dir = await oldDirectory(t)
  const store = open(t, dir)
  const tomorrow = { ...first, from: noon + dayMs, to: noon + dayMs + 5000 }
  await store.putBuckets([tomorrow])
  t.deepEqual(await store.buckets('errors', {}), [first, second, third, tomorrow])
})
