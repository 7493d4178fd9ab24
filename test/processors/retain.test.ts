import test from 'ava'
import { manualClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openRetention } from '../../processors/retain.ts'
import { openStore, record, someTime, until } from '../helpers/pipeline.ts'

const dayMs = 86_400_000

test('whole days beyond the retention are deleted, the others stay', async (t) => {
  const store = await openStore(t)
  const days = [0, 1, 2, 3]
  await store.appendLogs(
    days.map((day) => record({ source: 'a', first: day, times: [someTime + day * dayMs] })),
  )
  const clock = manualClock(someTime + 3 * dayMs)
  const retention = openRetention({ store, retentionMs: 2 * dayMs, clock, log: silentLog })
  t.teardown(() => retention.close())
  await until('a day is gone', async () => (await store.search({})).hits.length < days.length)
  t.deepEqual(
    (await store.search({ order: 'asc' })).hits.map((hit) => hit['event.sequence']),
    [1, 2, 3],
  )
  t.is(retention.trouble(), undefined)
})

test('a store that refuses is told, and does not hold up closing', async (t) => {
  const retention = openRetention({
    store: { retain: () => Promise.reject(new Trouble('cannot delete x.db')) },
    retentionMs: dayMs,
    clock: manualClock(someTime),
    log: silentLog,
  })
  await until('trouble is told', () => retention.trouble() !== undefined)
  t.is(retention.trouble(), 'cannot delete x.db')
  await retention.close()
})
