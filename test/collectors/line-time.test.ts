import test from 'ava'
import { openLineTimes } from '../../collectors/line-time.ts'

// Times without a zone are local: the same here as in the code, whatever the machine's zone is.
const local = (text: string, fraction = '000000000') =>
  `${new Date(text).toISOString().slice(0, 19)}.${fraction}Z`
const now = Date.parse('2026-11-22T20:00:00Z')

const written: [string, string, string][] = [
  ['ISO in UTC', '2026-11-22T18:25:51.633858316Z hi', '2026-11-22T18:25:51.633858316Z'],
  ['ISO with a zone', '2026-11-22T20:25:51.5+02:00 hi', '2026-11-22T18:25:51.500000000Z'],
  [
    'ISO with a zone without colon',
    '2026-11-22T20:25:51-0130 hi',
    '2026-11-22T21:55:51.000000000Z',
  ],
  [
    'ISO with a blank before the zone',
    '2026-11-22 20:25:51.25 +0200',
    '2026-11-22T18:25:51.250000000Z',
  ],
  ['ISO without a zone', '2026-11-22 18:25:51,123 INFO', local('2026-11-22T18:25:51', '123000000')],
  ['ISO in brackets', '[2026-11-22T18:25:51Z] hi', '2026-11-22T18:25:51.000000000Z'],
  ['ISO in UTC by name', '2026-11-22 18:25:51.1 UTC hi', '2026-11-22T18:25:51.100000000Z'],
  ['syslog', 'Nov 22 18:25:51 host cron[1]: hi', local('2026-11-22T18:25:51')],
  ['syslog of a one-digit day', 'Nov  2 18:25:51 host cron[1]: hi', local('2026-11-02T18:25:51')],
  ['syslog of last December', 'Dec 30 18:25:51 host x: hi', local('2025-12-30T18:25:51')],
  ['syslog with a priority', '<34>Nov 22 18:25:51 host su: hi', local('2026-11-22T18:25:51')],
  [
    'an access log',
    '10.0.0.1 - - [22/Nov/2026:18:25:51 +0000] "GET /',
    '2026-11-22T18:25:51.000000000Z',
  ],
  [
    'an access log elsewhere',
    '::1 - bob [22/Nov/2026:18:25:51 -0500] "GET',
    '2026-11-22T23:25:51.000000000Z',
  ],
  ["nginx' error log", '2026/11/22 18:25:51 [error] 7#7: hi', local('2026-11-22T18:25:51')],
  [
    'JSON, the time first',
    '{\\"time\\":\\"2026-11-22T18:25:51.633Z\\",\\"level\\":\\"info\\"}',
    '2026-11-22T18:25:51.633000000Z',
  ],
  [
    'JSON, the time behind other fields, with a zone',
    '{\\"level\\": 30, \\"@timestamp\\": \\"2026-11-22T20:25:51+02:00\\"}',
    '2026-11-22T18:25:51.000000000Z',
  ],
  [
    'JSON, epoch milliseconds',
    '{\\"level\\":30,\\"time\\":1795371951633,\\"pid\\":1}',
    '2026-11-22T18:25:51.633000000Z',
  ],
  [
    'JSON, epoch seconds',
    '{\\"ts\\":1795371951.25,\\"msg\\":\\"hi\\"}',
    '2026-11-22T18:25:51.250000000Z',
  ],
  ['squid', '1795371951.633    123 10.0.0.1 TCP_MISS/200 1', '2026-11-22T18:25:51.633000000Z'],
  ['glog', 'I1122 18:25:51.633858 12345 main.cc:7] hi', local('2026-11-22T18:25:51', '633858000')],
  [
    'glog since 0.5',
    'I20251122 18:25:51.633858 12345 main.cc:7] hi',
    local('2025-11-22T18:25:51', '633858000'),
  ],
  ['no time', 'hello, world, this is a line', '2026-11-22T20:00:00.000000000Z'],
  [
    'a number that is no time',
    '1234567890123 things were counted',
    '2026-11-22T20:00:00.000000000Z',
  ],
  ['a month that is none', 'Foo 22 18:25:51 host x: hi', '2026-11-22T20:00:00.000000000Z'],
  ['a date that is none', '2026-13-45T18:25:51Z hello there', '2026-11-22T20:00:00.000000000Z'],
  [
    'a year of five digits in UTC',
    '9999-12-31T23:59:59-05:00 end of all days',
    '2026-11-22T20:00:00.000000000Z',
  ],
  [
    'a year before the first in UTC',
    '0000-01-01T00:00:00+05:00 hello',
    '2026-11-22T20:00:00.000000000Z',
  ],
  ['an empty line', '', '2026-11-22T20:00:00.000000000Z'],
]

for (const [title, line, expected] of written) {
  test(`the time of a line: ${title}`, (t) => {
    t.is(openLineTimes().of(line, now), expected)
  })
}

test('the same second, another fraction, another zone, another format', (t) => {
  const times = openLineTimes()
  t.is(times.of('2026-11-22T18:25:51.1Z aaaaaaaa', now), '2026-11-22T18:25:51.100000000Z')
  t.is(times.of('2026-11-22T18:25:51.2Z aaaaaaaa', now), '2026-11-22T18:25:51.200000000Z')
  t.is(times.of('2026-11-22T18:25:51+01:00 aaaaa', now), '2026-11-22T17:25:51.000000000Z')
  t.is(times.of('2026-11-22T18:25:52.3Z aaaaaaaa', now), '2026-11-22T18:25:52.300000000Z')
  t.is(times.of('1795371951.633 1 10.0.0.1 x', now), '2026-11-22T18:25:51.633000000Z')
})

test('a line without a time belongs to the one before, if that was read just now', (t) => {
  const times = openLineTimes()
  const timed = times.of('2026-11-22T18:25:51Z Error: no', now)
  t.is(times.of('    at main (app.js:1:2)', now + 10), timed)
  t.is(times.of('    at main (app.js:1:2)', now + 5000), '2026-11-22T20:00:05.000000000Z')
})

test('a year is never guessed more than a day ahead', (t) => {
  const newYear = Date.parse('2027-01-01T00:00:10Z')
  t.is(openLineTimes().of('Dec 31 10:00:00 host x: y', newYear), local('2026-12-31T10:00:00'))
  t.is(openLineTimes().of('Jan  1 00:00:09 host x: y', newYear), local('2027-01-01T00:00:09'))
  const eve = Date.parse('2026-12-31T23:30:00Z')
  t.is(openLineTimes().of('Jan  1 00:10:00 host x: y', eve), local('2027-01-01T00:10:00'))
  const leap = Date.parse('2026-03-01T00:00:00Z')
  t.is(openLineTimes().of('Feb 29 10:00:00 host x: y', leap), local('2024-02-29T10:00:00'))
})

test('what tells no time was written no later than its file, and has that of the line before', (t) => {
  const times = openLineTimes()
  const writtenMs = now - 86_400_000
  t.is(times.of('no time', now, writtenMs), '2026-11-21T20:00:00.000000000Z')
  t.is(times.of('no time', now, now + 5000), '2026-11-22T20:00:00.000000000Z')
  // Somebody may set the time of a file to anything.
  t.is(times.of('no time', now, -8e15), '1970-01-01T00:00:00.000000000Z')
  t.is(times.of('2026-11-22T18:25:51Z hi', now, writtenMs), '2026-11-22T18:25:51.000000000Z')
  t.is(times.of('no time', now, writtenMs), '2026-11-22T18:25:51.000000000Z')
})
