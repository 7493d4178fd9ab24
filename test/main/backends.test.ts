import test from 'ava'
import { openWay, patiently } from '../../main/backends.ts'
import type { Bus, ProducedRecord } from '../../pipeline/bus/bus.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { silentLog } from '../../pipeline/log.ts'

function openBus() {
  const produced: [string, readonly ProducedRecord[]][] = []
  const state = { isClosed: false }
  const bus = {
    partitions: () => 4,
    produce: async (topic: string, records: readonly ProducedRecord[]) =>
      void produced.push([topic, records]),
    close: async () => void (state.isClosed = true),
  } as unknown as Bus
  return { bus, produced, state }
}

test('until the bus is there, who writes hears what is waited for, and may try again', async (t) => {
  const { bus, produced, state } = openBus()
  const { promise, resolve } = Promise.withResolvers<Bus>()
  let trouble: string | undefined
  const way = openWay(promise, () => trouble)
  const early = await t.throwsAsync(way.produce('logs', []), { instanceOf: Trouble })
  t.like(early, { message: 'the bus is not open yet', retryable: true })
  trouble = 'waiting for the bus: no broker answers'
  await t.throwsAsync(way.produce('logs', []), { message: trouble })
  t.throws(() => way.partitions('logs'), { message: trouble })
  t.deepEqual(produced, [])

  trouble = undefined
  const waiting = way.produce('logs', [])
  resolve(bus)
  await waiting
  t.is(await way.opened, bus)
  await way.produce('logs', [{ key: 'k', value: new Uint8Array() }])
  t.is(produced.length, 2, 'also what came just before')
  t.is(way.partitions('logs'), 4)
  await way.close()
  t.true(state.isClosed)
})

test('a bus that comes only while we close is closed as well; one that never comes holds nothing up', async (t) => {
  const { bus, state } = openBus()
  const { promise, resolve } = Promise.withResolvers<Bus>()
  const late = openWay(promise, () => undefined)
  const closing = late.close()
  resolve(bus)
  await closing
  t.true(state.isClosed)
  const none = openWay(Promise.reject(new Trouble('wrong topics')), () => undefined)
  await none.close()
  await t.throwsAsync(none.opened, { message: 'wrong topics' })
})

test('what is waited for is told, and that it is over', async (t) => {
  const told: (string | undefined)[] = []
  let tries = 0
  const opened = await patiently(
    'store',
    async () => {
      if (++tries < 2) throw new Trouble('nobody answers', { retryable: true })
      return 'there'
    },
    { isRemote: true, log: silentLog, tell: (trouble) => told.push(trouble) },
  )
  t.is(opened, 'there')
  t.deepEqual(told, ['waiting for the store: nobody answers', undefined])
})

test('what no waiting mends is not waited for', async (t) => {
  const told: unknown[] = []
  const patience = { log: silentLog, tell: (trouble: unknown) => told.push(trouble) }
  const failing = (retryable: boolean) => () => Promise.reject(new Trouble('no', { retryable }))
  await t.throwsAsync(patiently('bus', failing(false), { ...patience, isRemote: true }))
  await t.throwsAsync(patiently('bus', failing(true), { ...patience, isRemote: false }))
  const signal = AbortSignal.abort()
  await t.throwsAsync(patiently('bus', failing(true), { ...patience, isRemote: true, signal }))
  t.deepEqual(told, [])
})
