import test from 'ava'
import { manualClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { silentLog } from '../../pipeline/log.ts'
import { everyClass, type FirstDays } from '../../pipeline/store/retention.ts'
import { openRetention } from '../../processors/retain.ts'
import { openStore, record, someTime, until } from '../helpers/pipeline.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000
const twoDays = { default: everyClass(() => 2 * dayMs) }
const common = { times: twoDays, isOurs: () => true, log: silentLog, lookMs: 5 }

test('whole days beyond the retention are deleted, the others stay', async (t) => {
  const store = await openStore(t)
  const days = [0, 1, 2, 3]
  await store.appendLogs(
    days.map((day) => record({ source: 'a', first: day, times: [someTime + day * dayMs] })),
  )
  const clock = manualClock(someTime + 3 * dayMs)
  const retention = openRetention({ ...common, store, clock })
  t.teardown(() => retention.close())
  await until('a day is gone', async () => (await store.search({})).hits.length < days.length)
  t.deepEqual(
    (await store.search({ order: 'asc' })).hits.map((hit) => hit['event.sequence']),
    [1, 2, 3],
  )
  t.is(retention.trouble(), undefined)
})

/** What a store is asked to keep. */
function recorder() {
  const asked: FirstDays[] = []
  return {
    asked,
    store: {
      async retain(firstDays: FirstDays) {
        asked.push(firstDays)
        return []
      },
    },
  }
}

test('each class of events and each retention class has a first day of its own', async (t) => {
  const { asked, store } = recorder()
  const times = {
    default: { ...everyClass(() => 2 * dayMs), changes: 10 * dayMs },
    brief: everyClass(() => dayMs),
  }
  const clock = manualClock(Date.parse('2026-11-22T18:00:00Z'))
  const retention = openRetention({ ...common, store, times, clock })
  t.teardown(() => retention.close())
  await until('the store is asked', () => asked.length > 0)
  t.deepEqual(asked[0], {
    default: { ...everyClass(() => '2026-11-20'), changes: '2026-11-12' },
    brief: everyClass(() => '2026-11-21'),
  })
})

test('it is done once an hour, by the process whose turn it is', async (t) => {
  const { asked, store } = recorder()
  const clock = manualClock(someTime)
  let isOurs = false
  let looks = 0
  const look = () => {
    looks++
    return isOurs
  }
  const retention = openRetention({ ...common, store, isOurs: look, clock })
  t.teardown(() => retention.close())
  const looked = (times: number) => {
    const from = looks
    return until('it looks again', () => looks >= from + times)
  }
  await looked(3)
  t.is(asked.length, 0)
  isOurs = true
  await until('it is done', () => asked.length === 1)
  await looked(3)
  t.is(asked.length, 1)
  clock.set(someTime + hourMs)
  await until('it is done again', () => asked.length === 2)
})

test('a store that refuses is told, and does not hold up closing', async (t) => {
  const retention = openRetention({
    ...common,
    store: { retain: () => Promise.reject(new Trouble('cannot delete x.db')) },
    clock: manualClock(someTime),
  })
  await until('trouble is told', () => retention.trouble() !== undefined)
  t.is(retention.trouble(), 'cannot delete x.db')
  await retention.close()
})
