import test from 'ava'
import fc from 'fast-check'
import { goJson, goTime, type Encodable } from '../../../alerting/channels/go-json.ts'
import {
  alertsUrl,
  description,
  groupHash,
  harmless,
  shortened,
  subject,
  titleOf,
} from '../../../alerting/channels/texts.ts'
import { someGroup } from './some-group.ts'

const subjects: [string, Parameters<typeof someGroup>[0], string][] = [
  ['one alert: all its labels are common', [{ labels: { b: '2', a: '1' } }], '[FIRING:1] X (1 2)'],
  ['nothing but the group: the space stays, as in Alertmanager', [{}], '[FIRING:1] X '],
  ['firing ones are counted', [{}, { resolved: true }, {}], '[FIRING:2] X '],
  ['all over', [{ resolved: true }], '[RESOLVED] X '],
  ['a line break', [{ labels: { a: 'x\n\ny' } }], '[FIRING:1] X (x y)'],
]

for (const [sentence, some, wanted] of subjects) {
  test(`the subject: ${sentence}`, (t) => t.is(subject(someGroup(some), 1024), wanted))
}

test('the description tells of firing and of resolved ones, the name first', (t) => {
  const group = someGroup([
    { labels: { a: '1', Z: '2' }, annotations: { s: 'sum' } },
    { labels: { a: '1' }, annotations: { s: 'sum' }, resolved: true },
  ])
  const lines = [
    'sum',
    'Alerts Firing:',
    'Labels:',
    ' - alertname = X',
    ' - Z = 2',
    ' - a = 1',
    'Annotations:',
    ' - s = sum',
    'Source: http://page/graph',
    '',
    'Alerts Resolved:',
    'Labels:',
    ' - alertname = X',
    ' - a = 1',
    'Annotations:',
    ' - s = sum',
    'Source: http://page/graph',
    '',
  ]
  t.is(description(group, 15_000), lines.join('\n'))
  t.is(description(group, 20), 'sum\nAlerts Firing:\n…')
})

test('a control character ends no line, and none is lost with it', (t) => {
  const group = someGroup([{ labels: { a: 'x\u0000' }, annotations: { b: '\u001b[31mred\u202e' } }])
  t.regex(description(group, 1000), / - a = x\nAnnotations:\n - b = red\nSource/)
})

test('the receiver is told as a regular expression, escaped as Go does', (t) => {
  const url = alertsUrl({ ...someGroup([{}]), receiver: "a.b c'é" })
  t.is(url, 'http://mesoscope.example/#/alerts?receiver=a%5C.b+c%27%C3%A9')
})

test('the hash is that of the group, also where its key is broken', (t) => {
  const key = '{}/{alertname=~".+"}:{alertname="HighLatency", cluster="eu-1"}'
  const hash = groupHash({ ...someGroup([{}]), groupKey: key })
  t.is(hash, 'b127b40ebfbec9bddcecb9c17f6ced21029774ebdc449fcade8b37ca06268556')
  t.is(groupHash({ ...someGroup([{}]), groupKey: '\ud800' }).length, 64)
})

test('times are those of Go', (t) => {
  t.is(goTime(undefined), '0001-01-01T00:00:00Z')
  t.is(goTime(Date.UTC(2026, 0, 1, 0, 0, 20)), '2026-01-01T00:00:20Z')
  t.is(goTime(Date.UTC(2026, 0, 1, 0, 0, 20, 120)), '2026-01-01T00:00:20.12Z')
  t.is(goTime(Date.UTC(2026, 0, 1, 10, 0, 0, 7)), '2026-01-01T10:00:00.007Z')
  t.is(goTime(8.64e15), '9999-12-31T00:00:00Z')
  t.is(goTime(-8.64e15), '0001-01-01T00:00:00Z')
})

test('maps are sorted by the bytes of their keys, structs keep their order', (t) => {
  const names = ['10', '9', '__proto__', '\u{1f600}', '\uffee', 'a']
  const map = new Map(names.map((name): [string, number] => [name, 1]))
  t.is(goJson(map), '{"10":1,"9":1,"__proto__":1,"a":1,"\uffee":1,"\u{1f600}":1}')
  t.is(goJson({ b: true, a: [1, 'x'], c: undefined }), '{"b":true,"a":[1,"x"]}')
})

const anyText = fc.string({ unit: 'binary' })
const brokenText = fc.array(fc.nat({ max: 0xffff })).map((units) => String.fromCharCode(...units))

test('any text comes through JSON well-formed, without markup', (t) => {
  fc.assert(
    fc.property(brokenText, brokenText, (name, value) => {
      const json = goJson(new Map<string, Encodable>([[name, value]]))
      t.deepEqual(JSON.parse(json), JSON.parse(`{${[name, value].map(wellFormed).join(':')}}`))
      t.false(
        /[<>&\u2028\u2029\ud800-\udfff]/.test(json.replace(/[\ud800-\udbff][\udc00-\udfff]/g, '')),
      )
    }),
  )
  t.is(goJson('<\u2028&>"\\\b'), '"\\u003c\\u2028\\u0026\\u003e\\"\\\\\\b"')
})

const wellFormed = (text: string) => JSON.stringify(text.toWellFormed())

test('a shortened text has at most so many characters, and says so at its end', (t) => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 20 }), (text, most) => {
      const short = shortened(text, most)
      const [before, after] = [Array.from(text), Array.from(short)]
      if (before.length <= most) t.is(short, text)
      else t.deepEqual(after, [...before.slice(0, most - 1), '…'])
    }),
  )
})

test('harmless texts stay as they are, to the last space', (t) => {
  for (const text of ['a\n\tb  \n', 'ünï <b>', '', ' \n ', '日本\u00a0']) t.is(harmless(text), text)
  t.is(harmless('a\u0007\r\nb\u200b\u2028\n'), 'a\nb\n')
  t.is(titleOf('a\nb'.repeat(1000), 5), 'a ba…')
})
