import { zstdCompressSync } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import type { SignalBucket } from '../../pipeline/event.ts'
import {
  bucketKey,
  decodePartition,
  encodePartition,
  openPartition,
} from '../../processors/partition.ts'

const name = fc.stringMatching(/^[$a-z][a-z0-9_]{0,8}$/)
const number = fc.double({ noNaN: true, noDefaultInfinity: true })
const values = fc.oneof(
  fc.record({ sum: number, min: number, max: number, last: number }),
  number.map((one) => ({ sum: one, min: one, max: one, last: one })),
)
const bucket: fc.Arbitrary<SignalBucket> = fc
  .record({
    signal: name,
    // Any text: spaces, braces and quotes too.
    group: fc.record({ service: fc.string(), task: fc.string() }, { requiredKeys: [] }),
    from: fc.nat(20).map((n) => 1_795_652_042_000 + n * 5000),
    count: fc.nat(9),
    newest: fc.nat(4999),
    values: fc.option(values, { nil: undefined }),
  })
  .map(({ from, newest, values: counted, ...one }) => ({
    ...one,
    from,
    to: from + 5000,
    partition: 3,
    lastMs: from + newest,
    ...(counted && { values: counted }),
  }))

test('a snapshot brings back every bucket', (t) => {
  fc.assert(
    fc.property(fc.array(bucket, { maxLength: 40 }), (buckets) => {
      const partition = openPartition(3)
      for (const one of buckets) partition.buckets.set(bucketKey(one), one)
      const read = decodePartition(3, encodePartition(partition), () => true)
      // JSON knows no -0.
      const plain = (map: typeof partition.buckets) => JSON.parse(JSON.stringify([...map]))
      t.deepEqual(plain(read.buckets), plain(partition.buckets))
    }),
  )
  t.pass()
})

test('what repeats in the buckets of a task is written once', (t) => {
  const partition = openPartition(0)
  const task = 'shop_web.instance-8c1f25aa-3333-11ee-be56-0242ac120002._app.1'
  for (let i = 0; i < 240; i++) {
    const place = { signal: 'cpu', group: { service: '/shop/web', task }, partition: 0 }
    const from = i * 5000
    const one = { ...place, from, to: from + 5000, count: 1, lastMs: from }
    partition.buckets.set(bucketKey(one), one)
  }
  t.true(encodePartition(partition).length < 4000)
})

test('a snapshot of version 2, which is one frame, is read', (t) => {
  const groups = [['cpu', { service: '/shop/web' }]]
  const rows = [
    [0, 5000, 5000, 2, 6000],
    [0, 10_000, 5000, 3, 11_000, 6, 1, 3, 2],
  ]
  const texts = [[1, { sketch: 's' }]]
  const buckets = { groups, rows, texts }
  const snapshot = { v: 2, position: 7, collectors: [], marks: [], buckets, closedBefore: 5000 }
  const value = new Uint8Array(zstdCompressSync(JSON.stringify(snapshot)))
  const read = decodePartition(1, value, ({ from }) => from > 5000)
  t.is(read.position, 7)
  t.deepEqual(
    [...read.buckets.values()],
    [
      {
        signal: 'cpu',
        group: { service: '/shop/web' },
        from: 10_000,
        to: 15_000,
        partition: 1,
        count: 3,
        lastMs: 11_000,
        values: { sum: 6, min: 1, max: 3, last: 2 },
        sketch: 's',
      },
    ],
  )
})
