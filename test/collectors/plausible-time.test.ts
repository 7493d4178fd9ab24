import test from 'ava'
import { openPlausibleTime } from '../../collectors/plausible-time.ts'
import { msToIso } from '../../pipeline/event.ts'

const now = Date.parse('2026-11-22T18:00:00Z')
const iso = (text: string) => msToIso(Date.parse(text))

const cases: [sentence: string, time: string, shown: string][] = [
  ['now', iso('2026-11-22T18:00:00Z'), iso('2026-11-22T18:00:00Z')],
  ['a clock a little ahead is kept', iso('2026-11-22T18:59:00Z'), iso('2026-11-22T18:59:00Z')],
  ['a day ahead is the time of reading', iso('2026-11-23T18:00:00Z'), msToIso(now)],
  ['the year 9999', iso('9999-12-31T23:59:59Z'), msToIso(now)],
  ['last year is old, and true', iso('2025-01-01T00:00:00Z'), iso('2025-01-01T00:00:00Z')],
  ['the epoch is no time', iso('1970-01-01T00:00:00Z'), msToIso(now)],
  ['the year 1', '0001-01-01T00:00:00.000000000Z', msToIso(now)],
]

for (const [sentence, time, shown] of cases) {
  test(sentence, (t) => t.is(openPlausibleTime()(time, now), shown))
}

test('the bound moves with the time of reading, forwards and back', (t) => {
  const plausible = openPlausibleTime()
  const time = iso('2026-11-22T20:00:00Z')
  t.is(plausible(time, now), msToIso(now))
  t.is(plausible(time, now + 2 * 3_600_000), time)
  t.is(plausible(time, now), msToIso(now))
})
