import test from 'ava'
import { restoredActiveAt } from '../../../alerting/rules/restore.ts'

const minute = 60_000
const outage = { downAt: 100 * minute, ts: 120 * minute, forMs: 30 * minute }

test('what was waited before an outage counts, the outage itself does not', (t) => {
  t.is(restoredActiveAt(95 * minute, outage), 115 * minute, '5 of 30 minutes are over')
})

test('one that was about to fire has ten minutes to show that it is over', (t) => {
  t.is(restoredActiveAt(75 * minute, outage), 100 * minute, 'it fires at 130')
  t.is(restoredActiveAt(75 * minute, { ...outage, graceMs: 0 }), 95 * minute, 'it fires at 125')
})

test('one that had fired fires again at once', (t) => {
  t.is(restoredActiveAt(70 * minute, outage), 70 * minute)
})

test('a short `for` begins anew, and so does any after a long outage', (t) => {
  t.is(restoredActiveAt(99 * minute, { ...outage, forMs: 9 * minute }), undefined)
  t.is(restoredActiveAt(99 * minute, { ...outage, ts: 160 * minute }), undefined)
  t.is(restoredActiveAt(99 * minute, { ...outage, ts: 159 * minute }), 158 * minute)
})
