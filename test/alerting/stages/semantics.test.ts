import test from 'ava'
import { ingest, merge, type PostedAlert } from '../../../alerting/stages/alerts.ts'
import { createInhibitor } from '../../../alerting/stages/inhibition.ts'
import { fingerprint, labelsText, type Labels } from '../../../alerting/stages/labels.ts'
import { parseMatchers } from '../../../alerting/stages/matchers.ts'
import { matchesAll } from '../../../alerting/stages/matcher.ts'
import {
  contains,
  parseDaysOfMonth,
  parseLocation,
  parseTimeRange,
} from '../../../alerting/stages/time-intervals.ts'

const alert = (labels: Labels, rest: Partial<PostedAlert> = {}, now = 0) =>
  ingest({ labels, ...rest }, now, 300_000)

test('an empty value is no label', (t) => {
  t.is(alert({ a: 'b', c: '' }).fingerprint, fingerprint({ a: 'b' }))
  t.is(labelsText({ b: '"', a: 'x\n' }), '{a="x\\n", b="\\""}')
})

test('an empty annotation stays; half a surrogate pair is told apart from no other', (t) => {
  t.deepEqual(alert({ a: 'b' }, { annotations: { c: '' } }).annotations, { c: '' })
  t.deepEqual(alert({ a: '\ud800' }).labels, { a: '\ufffd' })
})

test('what is no alert is told with its path', (t) => {
  const refused = (labels: unknown, rest: object = {}) =>
    t.throws(() => alert(labels as Labels, rest)).message
  t.is(refused({ '': 'b' }), 'labels: a name is empty')
  t.is(refused({ a: 1 }), 'labels.a: must be a text')
  t.is(refused({ a: 'b' }, { annotations: { c: null } }), 'annotations.c: must be a text')
  t.is(refused({ a: 'b' }, { endsAt: Number.NaN }), 'endsAt: must be a time')
  t.is(refused({ a: 'b' }, { startsAt: 2, endsAt: 1 }), 'start time must be before end time')
  t.is(refused({ a: '' }), 'at least one label pair required')
})

test('labels may have the names of what every object has', (t) => {
  const labels = JSON.parse('{"__proto__": "x", "constructor": "y"}') as Labels
  const kept = alert(labels)
  t.is(labelsText(kept.labels), '{__proto__="x", constructor="y"}')
  t.true(matchesAll(parseMatchers('__proto__=x,hasOwnProperty=""'), kept.labels))
})

test('re-posts keep the first start; a told end outlives a shorter one, a timeout does not', (t) => {
  const told = alert({ a: 'b' }, { startsAt: 0, endsAt: 100_000 })
  const shorter = alert({ a: 'b' }, { startsAt: 10_000, endsAt: 50_000 }, 20_000)
  t.like(merge(told, shorter, 20_000), { startsAt: 0, endsAt: 100_000 })
  const timeout = alert({ a: 'b' }, { startsAt: 0 })
  t.like(merge(timeout, shorter, 20_000), { startsAt: 0, endsAt: 50_000 })
})

test('an alert after the end of the kept one is a new one', (t) => {
  const over = alert({ a: 'b' }, { startsAt: 0, endsAt: 1000 })
  const again = alert({ a: 'b' }, { startsAt: 2000, endsAt: 9000 }, 2000)
  t.is(merge(over, again, 2000).startsAt, 2000)
})

test('a source mutes where the equal labels agree, both missing too, while it fires', (t) => {
  const inhibitor = createInhibitor([
    { source: parseMatchers('s=high'), target: parseMatchers('s=low'), equal: ['cluster', 'dc'] },
  ])
  const source = alert({ s: 'high', cluster: 'x' }, { startsAt: 0, endsAt: 1000 })
  inhibitor.set(source)
  const by = (labels: Labels, now: number) => inhibitor.inhibitedBy(labels, now)
  t.is(by({ s: 'low', cluster: 'x' }, 999), source.fingerprint)
  t.is(by({ s: 'low', cluster: 'y' }, 999), undefined)
  t.is(by({ s: 'low', cluster: 'x', dc: 'z' }, 999), undefined)
  t.is(by({ s: 'low', cluster: 'x' }, 1000), undefined)
})

test('of alerts that match both sides none mutes another; one that is only a source mutes them', (t) => {
  const inhibitor = createInhibitor([
    { source: parseMatchers('s=~"a|b"'), target: parseMatchers('s=~"b|c"'), equal: [] },
  ])
  inhibitor.set(alert({ s: 'b', n: '1' }))
  t.is(inhibitor.inhibitedBy({ s: 'b', n: '2' }, 0), undefined)
  t.not(inhibitor.inhibitedBy({ s: 'c' }, 0), undefined)
  const source = alert({ s: 'a' })
  inhibitor.set(source)
  t.is(inhibitor.inhibitedBy({ s: 'b', n: '2' }, 0), source.fingerprint)
  inhibitor.remove(source)
  t.is(inhibitor.inhibitedBy({ s: 'b', n: '2' }, 0), undefined)
})

test('an interval is of the zone’s wall time, its end outside', (t) => {
  const interval = { times: [parseTimeRange('09:00', '17:00')], location: 'Europe/Paris' }
  const inside = (time: string) => contains(interval, Date.parse(time))
  t.deepEqual(
    ['2024-01-15T08:00Z', '2024-01-15T16:00Z', '2024-07-15T07:00Z', '2024-07-15T06:59Z'].map(
      inside,
    ),
    [true, false, true, false],
  )
})

test('of time zones only names of IANA are taken', (t) => {
  for (const name of ['PST', 'IST', 'europe/paris', '+02:00', 'Local', 'Mars/Base']) {
    t.throws(() => parseLocation(name), { message: `unknown time zone ${name}` })
  }
  t.deepEqual(['', 'CET', 'EST5EDT', 'Etc/GMT+5'].map(parseLocation), [
    'UTC',
    'CET',
    'EST5EDT',
    'Etc/GMT+5',
  ])
})

test('the last day of a month that loses an hour is the 31st', (t) => {
  const last = { daysOfMonth: [parseDaysOfMonth('-1')], location: 'Europe/Paris' }
  const inside = (time: string) => contains(last, Date.parse(time))
  t.deepEqual(['2024-03-30T12:00Z', '2024-03-30T23:00Z', '2024-03-31T21:59Z'].map(inside), [
    false,
    true,
    true,
  ])
})

test('days from the end of the month follow its length', (t) => {
  const last = { daysOfMonth: [parseDaysOfMonth('-1')] }
  const inside = (time: string) => contains(last, Date.parse(time))
  t.deepEqual(['2024-02-29', '2023-02-28', '2024-02-28'].map(inside), [true, true, false])
  t.throws(() => parseDaysOfMonth('-3:28'), { message: /must be negative/ })
  t.false(contains({ times: [] }, 0))
})
