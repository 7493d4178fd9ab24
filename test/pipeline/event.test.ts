import test from 'ava'
import fc from 'fast-check'
import { isoDay, isoToMs, isoToNs, msToIso, nsToIso } from '../../pipeline/event.ts'

const times: [iso: string, ns: bigint, fixed: string][] = [
  ['1970-01-01T00:00:00Z', 0n, '1970-01-01T00:00:00.000000000Z'],
  ['2026-11-22T18:25:51.633858316Z', 1_795_371_951_633_858_316n, '2026-11-22T18:25:51.633858316Z'],
  ['2026-11-22T18:25:51.63Z', 1_795_371_951_630_000_000n, '2026-11-22T18:25:51.630000000Z'],
  ['2026-11-22T18:25:51.000000001Z', 1_795_371_951_000_000_001n, '2026-11-22T18:25:51.000000001Z'],
  ['1969-12-31T23:59:59.999999999Z', -1n, '1969-12-31T23:59:59.999999999Z'],
  ['1969-12-31T23:59:59.5Z', -500_000_000n, '1969-12-31T23:59:59.500000000Z'],
  ['2028-02-29T00:00:00.1Z', 1_835_395_200_100_000_000n, '2028-02-29T00:00:00.100000000Z'],
]
for (const [iso, ns, fixed] of times) {
  test(`${iso} is ${ns} ns, written ${fixed}`, (t) => {
    t.is(isoToNs(iso), ns)
    t.is(nsToIso(ns), fixed)
    t.is(isoToNs(fixed), ns)
  })
}

const noTimes = [
  '',
  'now',
  '2026-11-22',
  '2026-11-22T18:25:51',
  '2026-11-22T18:25:51+01:00',
  '2026-11-22T18:25:51.Z',
  '2026-11-22T18:25:51.1234567890Z',
  '2026-13-22T18:25:51Z',
  '2026-11-22T25:25:51Z',
  '2026-11-22 18:25:51Z',
  ' 2026-11-22T18:25:51Z',
]
for (const text of noTimes) {
  test(`"${text}" is no time`, (t) => {
    t.is(isoToNs(text), undefined)
  })
}

const anyMs = fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 })
const anyNs = fc.tuple(anyMs, fc.integer({ min: 0, max: 999_999 }))

test('every time of the years 1 to 9999 survives, has a fixed width, and sorts as text', (t) => {
  const toNs = ([ms, rest]: [number, number]) => BigInt(ms) * 1_000_000n + BigInt(rest)
  fc.assert(
    fc.property(anyNs, anyNs, (a, b) => {
      const [x, y] = [nsToIso(toNs(a)), nsToIso(toNs(b))]
      return (
        x.length === 30 &&
        isoToNs(x) === toNs(a) &&
        isoToMs(x) === a[0] &&
        x < y === toNs(a) < toNs(b) &&
        isoDay(x) === new Date(a[0]).toISOString().slice(0, 10)
      )
    }),
  )
  t.pass()
})

test('ms lose their fraction', (t) => {
  t.is(msToIso(1_795_371_951_633.9), '2026-11-22T18:25:51.633000000Z')
})
