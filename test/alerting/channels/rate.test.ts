import test from 'ava'
import fc from 'fast-check'
import { fullBucket, heldUntil, takeTurn, type Rate } from '../../../alerting/channels/rate.ts'

const rate: Rate = { perMinute: 60, burst: 3 }

/** The times of the turns of those who ask at these times. */
function turns(asks: readonly number[], longestWaitMs = Infinity): (number | undefined)[] {
  let bucket = fullBucket(asks[0] ?? 0)
  return asks.map((now) => {
    const turn = takeTurn(bucket, rate, now, longestWaitMs)
    ;({ bucket } = turn)
    return turn.taken ? now + turn.waitMs : undefined
  })
}

test('a burst goes at once, what comes then one a second', (t) => {
  t.deepEqual(turns([0, 0, 0, 0, 0, 10_000]), [0, 0, 0, 1000, 2000, 10_000])
})

test('who would wait too long takes no token from others', (t) => {
  t.deepEqual(turns([0, 0, 0, 0, 0, 0, 0, 1500], 2000), [
    0,
    0,
    0,
    1000,
    2000,
    undefined,
    undefined,
    3000,
  ])
})

/** The same with a bucket that is filled as time goes on. */
function filling(asks: readonly number[]): number[] {
  let [tokens, at] = [rate.burst, asks[0] ?? 0]
  const refill = (now: number) => {
    tokens = Math.min(rate.burst, tokens + ((now - at) / 60_000) * rate.perMinute)
    at = now
  }
  return asks.map((ask) => {
    refill(Math.max(ask, at))
    if (tokens < 1) refill(at + ((1 - tokens) * 60_000) / rate.perMinute)
    tokens = Math.max(0, tokens - 1)
    return at
  })
}

test('nobody is sent earlier or later than the bucket has a token for it, in the order of asking', (t) => {
  const times = fc.array(fc.nat({ max: 3000 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(times, (gaps) => {
      let now = 0
      const asks = gaps.map((gap) => (now += gap))
      const wanted = filling(asks)
      for (const [i, at] of turns(asks).entries()) {
        t.true(Math.abs((at ?? Infinity) - (wanted[i] ?? 0)) < 1e-3)
      }
    }),
  )
})

test('what is held begins one by one when the time is over', (t) => {
  const held = heldUntil(fullBucket(0), rate, 10_000, 0)
  t.like(takeTurn(held, rate, 0, 5000), { waitMs: 10_000, taken: false })
  const first = takeTurn(held, rate, 4000, 60_000)
  t.is(first.waitMs, 6000)
  t.is(takeTurn(first.bucket, rate, 4000, 60_000).waitMs, 7000)
  const longer = takeTurn(heldUntil(first.bucket, rate, 5000, 4000), rate, 4000, 60_000)
  t.is(longer.waitMs, 7000)
})

test('a clock that is set back makes nobody wait for hours', (t) => {
  const before = takeTurn(fullBucket(3_600_000), { perMinute: 60, burst: 1 }, 3_600_000, 0)
  t.is(takeTurn(before.bucket, { perMinute: 60, burst: 1 }, 0, 60_000).waitMs, 1000)
})

test('its state is plain data', (t) => {
  const { bucket } = takeTurn(fullBucket(5), rate, 7, 0)
  t.deepEqual(JSON.parse(JSON.stringify(bucket)), bucket)
})
