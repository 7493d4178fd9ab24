import test from 'ava'
import { parseTime, readLineFilter, readParams, type Refusal } from '../../dashboards/params.ts'
import { explain } from '../../pipeline/errors.ts'

const now = Date.UTC(2026, 10, 22, 18, 25, 51)

const times: [sentence: string, text: string, ms: number][] = [
  ['ms since the epoch', '1795371951633', 1795371951633],
  ['now', 'now', now],
  ['minutes ago', '15m', now - 900_000],
  ['days ago', '7d', now - 604_800_000],
  ['further ago than the epoch', '99999w', 0],
  ['an ISO time', '2026-11-22T18:25:51.633Z', Date.UTC(2026, 10, 22, 18, 25, 51, 633)],
  ['an ISO time with nine digits', '2026-11-22T18:25:51.633858316Z', 1795371951633],
  ['an ISO time without a zone is UTC', '2026-11-22T18:25', Date.UTC(2026, 10, 22, 18, 25)],
  ['an ISO time of another zone', '2026-11-22T18:25:00+02:00', Date.UTC(2026, 10, 22, 16, 25)],
  ['a day', '2026-11-22', Date.UTC(2026, 10, 22)],
]
for (const [sentence, text, ms] of times) {
  test(`a time may be ${sentence}`, (t) => t.is(parseTime('from', text, now), ms))
}

for (const text of ['yesterday', '15', '15x', '-5m', '2026-13-01', '9999999999999999', '1e9']) {
  const refused = text !== '15'
  test(`"${text}" is ${refused ? 'no' : 'a'} time`, (t) => {
    if (!refused) return t.is(parseTime('from', text, now), 15)
    const error = t.throws<Refusal>(() => parseTime('from', text, now))
    t.is(error.status, 400)
    t.true(error.message.startsWith(`"from" is "${text}"`))
    return t.true(error.remedy?.includes('15m'))
  })
}

const names = ['service', 'from', 'to', 'limit', 'query', 'level', 'task', 'grep', 'bucket']
const read = (raw: Record<string, unknown>) => readParams(raw, names, now)

const refusals: [string, () => unknown, RegExp][] = [
  [
    'an unknown parameter',
    () => read({ form: '1h' }),
    /unknown parameter "form": known are service/,
  ],
  ['a number out of bounds', () => limit('0'), /"limit" is "0": give a whole number from 1 to 9/],
  ['a number with a fraction', () => limit('1.5'), /"limit" is "1.5"/],
  [
    'a parameter given twice',
    () => read({ task: ['a', 'b'] }).text('task'),
    /"task" is given 2 times/,
  ],
  [
    'a text that is too long',
    () => read({ task: 'x'.repeat(501) }).text('task'),
    /longer than 500/,
  ],
  ['too many values', () => read({ service: Array(51).fill('a') }).list('service'), /more than 50/],
  [
    'a range that ends before it begins',
    () => read({ from: '1h', to: '2h' }).range(),
    /not before/,
  ],
  ['no length of time', () => read({ bucket: 'x' }).duration('bucket'), /"bucket" is "x"/],
  ['a length of nothing', () => read({ bucket: '0s' }).duration('bucket'), /"bucket" is "0s"/],
  [
    'an unknown level',
    () => filter({ level: 'error,loud' }),
    /"loud" is no level: levels are fatal/,
  ],
  ['a query that cannot be read', () => filter({ query: 'a AND (b' }), /query/],
  ['a pattern that cannot be read', () => filter({ grep: 'a(' }), /regular expression: a\(/],
]
const limit = (value: string) =>
  read({ limit: value }).integer('limit', { min: 1, max: 9, unset: 5 })
const filter = (raw: Record<string, unknown>) => readLineFilter(read(raw))
for (const [sentence, ask, says] of refusals) {
  test(`refused: ${sentence}`, (t) => t.regex(explain(t.throws(ask)), says))
}

test('what is not given is unset or left out', (t) => {
  const params = read({ query: ' ', service: '' })
  t.deepEqual(params.range(), {})
  t.deepEqual(params.list('service'), [])
  t.is(limit(''), 5)
  t.deepEqual(readLineFilter(params), {})
})

test('levels may be repeated or stand in one list', (t) => {
  t.deepEqual(filter({ level: ['error', 'warn,fatal'] }), { levels: ['error', 'warn', 'fatal'] })
})
