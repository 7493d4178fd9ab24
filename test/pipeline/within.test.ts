import test from 'ava'
import { within } from '../../pipeline/within.ts'

const never = () => new Promise<never>(() => {})
const { signal } = new AbortController()

test('an answer in time is given, a failure too', async (t) => {
  t.is(await within(Promise.resolve(5), 60_000, signal), 5)
  await t.throwsAsync(within(Promise.reject(new Error('no')), 60_000, signal), { message: 'no' })
})

test('without an answer it ends after the time, or when it is broken off', async (t) => {
  await t.throwsAsync(within(never(), 20, signal), { message: 'no answer within 0 s' })
  const stop = new AbortController()
  const waiting = within(never(), 60_000, stop.signal)
  stop.abort()
  await t.throwsAsync(waiting)
})
