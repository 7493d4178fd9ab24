import test from 'ava'
import { encodeBuckets, readBuckets, readWatermark } from '../../pipeline/signal-records.ts'

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))
const partitions = (topic: string) => (topic === 'logs' ? 4 : 2)

test('a watermark says of which topic it is; one of 0.1.0 is of logs', (t) => {
  t.deepEqual(readWatermark(bytes({ partition: 3, through: 5 }), partitions), {
    topic: 'logs',
    partition: 3,
    through: 5,
  })
  t.deepEqual(readWatermark(bytes({ topic: 'metrics', partition: 1, through: 5 }), partitions), {
    topic: 'metrics',
    partition: 1,
    through: 5,
  })
})

const noWatermarks: [unknown, RegExp][] = [
  [{ partition: 0 }, /not a watermark/],
  [{ partition: '0', through: 1 }, /not a watermark/],
  [{ partition: 4, through: 1 }, /partition 4, there are 4/],
  [{ topic: 'metrics', partition: 2, through: 1 }, /partition 2, there are 2/],
  [{ topic: 'alerts', partition: 0, through: 1 }, /of the topic "alerts"/],
  [{ topic: 7, partition: 0, through: 1 }, /of the topic 7/],
]
for (const [value, message] of noWatermarks) {
  test(`${JSON.stringify(value)} is no watermark`, (t) => {
    t.throws(() => readWatermark(bytes(value), partitions), { message })
  })
}

const bucket = { signal: 's', group: {}, from: 0, to: 10, partition: 0, count: 2, lastMs: 5 }
const values = { sum: 3, min: 1, max: 2, last: 2 }

test('buckets are read with and without values, also as 0.1.0 wrote them', (t) => {
  const both = [bucket, { ...bucket, values }]
  t.deepEqual(readBuckets(encodeBuckets(both)), both)
  t.deepEqual(readBuckets(bytes(both)), both)
})

test('many buckets take a tenth of their JSON', (t) => {
  const many = Array.from({ length: 500 }, (_, at) => ({
    ...bucket,
    group: {
      service: `/shop/s${at % 20}`,
      task: `shop_s${at % 20}.instance-${at}-7f2e-11f0._app.1`,
    },
    values: { ...values, sum: at / 7 },
  }))
  t.true(encodeBuckets(many).length < bytes(many).length / 10)
  t.deepEqual(readBuckets(encodeBuckets(many)), many)
})

const noBuckets = [
  { ...bucket, values: { ...values, sum: null } },
  { ...bucket, values: { sum: 3, min: 1, max: 2 } },
  { ...bucket, values: 5 },
  { ...bucket, values: null },
  { ...bucket, to: 0 },
  { ...bucket, group: null },
]
for (const wrong of noBuckets) {
  test(`${JSON.stringify(wrong)} is no bucket`, (t) => {
    t.throws(() => readBuckets(bytes([bucket, wrong])), { message: /not a bucket/ })
  })
}
