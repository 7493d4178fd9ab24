import { zstdCompressSync } from 'node:zlib'
import test from 'ava'
import { compressed, joinFrames, readFrames } from '../../processors/frames.ts'

test('texts come back in their order; of one frame alone its text', (t) => {
  for (const texts of [[], ['one'], ['one', '', 'drei ü', 'x'.repeat(100_000)]]) {
    t.deepEqual(readFrames(joinFrames(texts.map(compressed))), texts)
  }
  t.deepEqual(readFrames(new Uint8Array(zstdCompressSync('of 0.7.0'))), ['of 0.7.0'])
})

test('what is cut off or damaged throws', (t) => {
  const whole = joinFrames(['one', 'two'].map(compressed))
  t.throws(() => readFrames(whole.subarray(0, -1)))
  t.throws(() => readFrames(whole.subarray(0, 6)))
  t.throws(() => readFrames(new Uint8Array([1, 2, 3, 4, 5])))
})
