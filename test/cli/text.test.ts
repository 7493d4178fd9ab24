import test from 'ava'
import * as fc from 'fast-check'
import { shortTask } from '../../cli/format.ts'
import { harmless, harmlessJson, harmlessLines } from '../../cli/harmless.ts'
import { formatMoment, parseMoment } from '../../cli/moment.ts'
import { table } from '../../cli/table.ts'

const now = Date.UTC(2026, 10, 22, 18, 30)
const local = (day: number, hour = 0, minute = 0) => new Date(2026, 10, day, hour, minute).getTime()

const moments: [string, number | undefined][] = [
  ['now', now],
  ['15m', now - 900_000],
  ['1h30m', now - 5_400_000],
  ['2026-11-22T18:25:51Z', Date.UTC(2026, 10, 22, 18, 25, 51)],
  ['2026-11-22T18:25:51.5Z', Date.UTC(2026, 10, 22, 18, 25, 51, 500)],
  ['2026-11-22T18:25:51.633858316Z', Date.UTC(2026, 10, 22, 18, 25, 51, 633)],
  ['2026-11-22T19:25+01:00', Date.UTC(2026, 10, 22, 18, 25)],
  ['2026-11-22 18:25', local(22, 18, 25)],
  ['2026-11-22', local(22)],
  ['', undefined],
  ['yesterday', undefined],
  ['2026-13-01', undefined],
  ['18:25', undefined],
  ['15', undefined],
]
for (const [text, ms] of moments) {
  test(`the time "${text}" is ${ms === undefined ? 'refused' : new Date(ms).toISOString()}`, (t) => {
    if (ms === undefined) t.throws(() => parseMoment(text, now), { message: /is no time/ })
    else t.is(parseMoment(text, now), ms)
  })
}

test('a time that was formatted means the same again, to the ms', (t) => {
  fc.assert(
    fc.property(fc.nat(now), (ms) => {
      t.is(parseMoment(formatMoment(ms, true), now), ms)
    }),
  )
  t.is(parseMoment(formatMoment(now + 7, false), now), now + 7)
  t.is(formatMoment(Number.NaN, true), '(no time)')
})

const texts: [string, string, string][] = [
  ['plain text and ünïcödé', 'grüß 😀\tx', 'grüß 😀\tx'],
  ['colours', '\u001b[1;31mred\u001b[0m', 'red'],
  ['a cursor movement', '\u001b[2J\u001b[H', '\\x1b[2J\\x1b[H'],
  ['a colour that hides one', '\u001b[0\u001b[0mm', '\\x1b[0m'],
  ['a title', '\u001b]0;x\u0007', '\\x1b]0;x\\x07'],
  ['eight-bit escapes', '\u009b2J', '\\x9b2J'],
  ['a carriage return and a newline', 'a\r\nb', 'a\\r\\nb'],
  ['turned reading direction', 'a\u202eb\u2066c', 'a\\u202eb\\u2066c'],
]
for (const [what, text, shown] of texts) {
  test(`on the terminal ${what} is harmless`, (t) => t.is(harmless(text), shown))
}

test('no control character gets through, whatever is written', (t) => {
  const unit = fc.integer({ min: 0, max: 0xa5 }).map((code) => String.fromCharCode(code))
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      t.notRegex(harmless(text).replaceAll('\t', ''), /\p{Cc}/u)
      t.notRegex(harmlessLines(text, '  ').replaceAll(/[\t\n]/g, ''), /\p{Cc}/u)
      t.notRegex(harmlessJson({ text }), /\p{Cc}/u)
      t.deepEqual(JSON.parse(harmlessJson({ text })), { text })
    }),
  )
})

test('later lines of a message are indented, so that they cannot pass for events', (t) => {
  t.is(harmlessLines('a\n2026-11-22 info b\r\nc\n', '    '), 'a\n    2026-11-22 info b\n    c')
})

for (const [task, short] of [
  ['shop_web.8c1f2a3b-1111-11ee-8000-0242ac110002', '8c1f2a3b'],
  ['shop_web.instance-8c1f2a3b-1111-11ee-8000-0242ac110002._app.1', '8c1f2a3b'],
  ['shop_web.instance-8c1f2a3b-1111-11ee-8000-0242ac110002._app.3', '8c1f2a3b.3'],
  ['f'.repeat(64), 'f'.repeat(12)],
  ['web-1', 'web-1'],
  ['a-name-that-is-longer-than-anyone-needs', '…onger-than-anyone-needs'],
] as const) {
  test(`the task ${task.slice(0, 40)} is shown as ${short}`, (t) => t.is(shortTask(task), short))
}

test('tables align numbers to the right and hold no control characters', (t) => {
  t.is(
    table(
      ['A', 'COUNT'],
      [
        ['x\u001b', 5],
        ['long name', 1000],
      ],
    ),
    'A          COUNT\nx\\x1b          5\nlong name   1000\n',
  )
  t.is(table(['A', 'B'], []), 'A  B\n')
})
