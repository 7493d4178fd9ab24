import test from 'ava'
import * as fc from 'fast-check'
import { formatDuration, formatSize, parseDuration, parseSize } from '../../config/units.ts'

const durations: [string, number | undefined][] = [
  ['250ms', 250],
  ['5s', 5000],
  ['2m', 120_000],
  ['1h30m', 5_400_000],
  ['14d', 1_209_600_000],
  ['2w', 1_209_600_000],
  ['0', 0],
  ['0s', 0],
  ['1d2h3m4s5ms', 93_784_005],
  ['', undefined],
  ['5', undefined],
  ['5 s', undefined],
  ['-5s', undefined],
  ['1.5h', undefined],
  ['5S', undefined],
  ['5s5m', undefined],
  ['soon', undefined],
  ['99999999999999999d', undefined],
]
for (const [text, ms] of durations) {
  test(`the duration "${text}" is ${ms === undefined ? 'refused' : `${ms} ms`}`, (t) => {
    t.is(parseDuration(text), ms)
  })
}

const sizes: [string, number | undefined][] = [
  ['256KiB', 262_144],
  ['1GiB', 1_073_741_824],
  ['1.5MiB', 1_572_864],
  ['10MB', 10_000_000],
  ['10 kB', 10_000],
  ['512B', 512],
  ['1000', 1000],
  ['', undefined],
  ['KiB', undefined],
  ['1kib', undefined],
  ['-1B', undefined],
  ['1constructor', undefined],
  ['99999999999TiB', undefined],
]
for (const [text, bytes] of sizes) {
  test(`the size "${text}" is ${bytes === undefined ? 'refused' : `${bytes} bytes`}`, (t) => {
    t.is(parseSize(text), bytes)
  })
}

test('a duration that was formatted is read as the same', (t) => {
  fc.assert(
    fc.property(fc.nat(2 ** 45), (ms) => {
      t.is(parseDuration(formatDuration(ms)), ms)
    }),
  )
  t.is(formatDuration(1_209_600_000), '14d')
  t.is(formatDuration(0), '0s')
})

test('sizes for people have the largest unit that leaves at least one', (t) => {
  t.is(formatSize(1023), '1023 B')
  t.is(formatSize(1536), '1.5 KiB')
  t.is(formatSize(5 * 1024 ** 4), '5 TiB')
})
