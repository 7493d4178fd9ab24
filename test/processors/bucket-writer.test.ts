import test from 'ava'
import fc from 'fast-check'
import type { SignalBucket } from '../../pipeline/event.ts'
import { openBucketWriter, readBucketFrames } from '../../processors/bucket-writer.ts'
import { joinFrames, readFrames } from '../../processors/frames.ts'
import { bucketKey } from '../../processors/partition.ts'

const resolutionMs = 5000
const bucketOf = (signal: string, service: string, start: number, count = 1): SignalBucket => {
  const from = start * resolutionMs
  return {
    signal,
    group: { service },
    from,
    to: from + resolutionMs,
    partition: 0,
    count,
    lastMs: from,
  }
}

function openBuckets() {
  const buckets = new Map<string, SignalBucket>()
  const changed = new Set<string>()
  const write = openBucketWriter()
  return {
    buckets,
    put(bucket: SignalBucket): void {
      buckets.set(bucketKey(bucket), bucket)
      changed.add(bucketKey(bucket))
    },
    write(): readonly Uint8Array[] {
      const frames = write(buckets, changed)
      changed.clear()
      return frames
    },
  }
}

function read(frames: readonly Uint8Array[]): SignalBucket[] {
  const buckets = readBucketFrames(readFrames(joinFrames(frames)), 0)
  return buckets.toSorted((a, b) => (bucketKey(a) < bucketKey(b) ? -1 : 1))
}

const sorted = (buckets: ReadonlyMap<string, SignalBucket>) =>
  [...buckets].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, bucket]) => bucket)

const step = fc.oneof(
  fc.record({
    put: fc.record({
      signal: fc.constantFrom('a', 'b'),
      service: fc.constantFrom('/x', '/y', 'a 5000 {"'),
      start: fc.nat(40),
      count: fc.nat(9),
      sketch: fc.option(fc.constantFrom('s1', 's2'), { nil: undefined }),
    }),
  }),
  fc.record({ closeBefore: fc.nat(40) }),
  fc.constant('write' as const),
)

test('whatever was added, changed and closed since, what is written is what there is', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const { buckets, put, write } = openBuckets()
      for (const one of steps) {
        if (one === 'write') t.deepEqual(read(write()), sorted(buckets))
        else if ('put' in one) {
          const { signal, service, start, count, sketch } = one.put
          put({ ...bucketOf(signal, service, start, count), ...(sketch && { sketch }) })
        } else {
          for (const [key, { from }] of buckets) {
            if (from < one.closeBefore * resolutionMs) buckets.delete(key)
          }
        }
      }
      t.deepEqual(read(write()), sorted(buckets))
    }),
  )
})

test('so it is where buckets are so many that each start has a frame, and few again', (t) => {
  const { buckets, put, write } = openBuckets()
  for (let start = 0; start < 4; start++) {
    for (let n = 0; n < 3000; n++) put(bucketOf('a', `/${n}`, start))
  }
  t.deepEqual(read(write()), sorted(buckets))
  for (const [key, { from }] of buckets)
    if (from < 3 * resolutionMs || key.includes('9')) buckets.delete(key)
  put(bucketOf('b', '/0', 9))
  t.deepEqual(read(write()), sorted(buckets))
  for (const key of [...buckets.keys()].slice(5)) buckets.delete(key)
  t.deepEqual(read(write()), sorted(buckets))
})

test('what has not changed is not encoded again', (t) => {
  const { put, write } = openBuckets()
  for (let start = 0; start < 4; start++) {
    for (let n = 0; n < 3000; n++) put(bucketOf('a', `/${n}`, start))
  }
  const before = new Set(write())
  put(bucketOf('a', '/1', 3, 2))
  const after = write()
  t.is(after.filter((frame) => !before.has(frame)).length, 1)
  t.is(after.length, before.size)
})

test('series that come and go leave nothing behind', (t) => {
  const { buckets, put, write } = openBuckets()
  const sizes = Array.from({ length: 40 }, (_, start) => {
    buckets.clear()
    for (let n = 0; n < 500; n++) put(bucketOf('a', `/${start}-${n}`, start))
    const frames = write()
    t.is(read(frames).length, 500)
    return frames.reduce((sum, { length }) => sum + length, 0)
  })
  t.true(Math.max(...sizes.slice(20)) <= Math.max(...sizes.slice(0, 20)) * 1.2, sizes.join())
})

test('the lists of series stay few', (t) => {
  const { buckets, put, write } = openBuckets()
  let most = 0
  for (let n = 0; n < 300; n++) {
    put(bucketOf('a', `/${n}`, 0))
    most = Math.max(most, write().length)
  }
  t.true(most < 60)
  t.deepEqual(read(write()), sorted(buckets))
})
