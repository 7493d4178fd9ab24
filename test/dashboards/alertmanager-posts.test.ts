import test from 'ava'
import fc from 'fast-check'
import { maxAlertChars, maxAlerts } from '../../dashboards/alertmanager/bodies.ts'
import { good, openDesk } from './alertmanager-scene.ts'

for (const [what, bad, status, sentence] of [
  ['no object', 7, 400, /because 0 is no object/],
  ['nothing', null, 400, /because 0 is no object/],
  ['no labels', {}, 422, /0.labels in body is required/],
  ['labels that are a list', { labels: [] }, 400, /0.labels is no object/],
  ['a label that is a number', { labels: { a: 1 } }, 400, /0.labels.a is no text/],
  [
    'an annotation that is null',
    { ...good, annotations: { a: null } },
    400,
    /0.annotations.a is no/,
  ],
  ['no label with a value', { labels: { a: '' } }, 400, /^"0: at least one label pair required"$/],
  ['half a character', { labels: { a: '\ud800' } }, 400, /0.labels.a holds half a character/],
  ['half a character in a name', { labels: { 'a\udc00': 'b' } }, 400, /0.labels.a� holds half/],
  ['a name of JavaScript', JSON.parse('{"labels":{"__proto__":"x"}}'), 400, /__proto__: this name/],
  ['a megabyte', { labels: { a: 'x'.repeat(1024 * 1024) } }, 400, /exceed 65536 characters/],
  ['no time', { ...good, startsAt: 'yesterday' }, 400, /0.startsAt is no time/],
  ['an hour that is none', { ...good, endsAt: '2026-01-01T25:00:00Z' }, 400, /0.endsAt is no time/],
  [
    'no address',
    { ...good, generatorURL: 'nope' },
    422,
    /0.generatorURL in body must be of type uri/,
  ],
  ['a script', { ...good, generatorURL: 'javascript:alert(1)' }, 422, /must be of type uri/],
  [
    'over before it began',
    {
      labels: { alertname: 'Bad' },
      startsAt: '2026-01-02T00:00:00Z',
      endsAt: '2026-01-01T00:00:00Z',
    },
    400,
    /^"0: start time must be before end time"$/,
  ],
] as [string, unknown, number, RegExp][]) {
  test(`an alert is refused (${what}), the one beside it is kept`, async (t) => {
    const { post, named } = await openDesk(t)
    const answer = await post('/api/v2/alerts', [bad, good])
    t.is(answer.status, status, answer.text)
    t.regex(answer.text, sentence)
    t.deepEqual(await named(''), ['Good'])
  })
}

test('of many refusals each has its place, and the first twenty are told', async (t) => {
  const { post, named } = await openDesk(t)
  const some = [{ labels: { a: '' } }, good, { labels: 1 }, { labels: { b: '' } }]
  t.is(
    (await post('/api/v2/alerts', some)).body,
    [
      '0: at least one label pair required',
      'parsing alerts body from "" failed, because 2.labels is no object',
      '3: at least one label pair required',
    ].join('\n'),
  )
  t.deepEqual(await named(''), ['Good'])
  const many = await post(
    '/api/v2/alerts',
    Array.from({ length: 30 }, () => 1),
  )
  t.is(many.body.message.split('\n').length, 21)
  t.regex(many.body.message, /\nand 10 more$/)
})

test('times as programs write them; a missing end is the resolve timeout', async (t) => {
  const { post, get } = await openDesk(t)
  await post('/api/v2/alerts', [
    {
      labels: { alertname: 'A' },
      startsAt: '2026-11-22T20:00:00.123456789+01:00',
      endsAt: '0001-01-01T00:00:00Z',
    },
  ])
  t.like((await get('/api/v2/alerts')).body[0], {
    startsAt: '2026-11-22T19:00:00.123Z',
    endsAt: '2026-11-22T19:26:19.700Z',
    updatedAt: '2026-11-22T19:21:19.700Z',
  })
})

test('bodies: none, no list, too long, too many, of another type', async (t) => {
  const { post, ask, desk } = await openDesk(t)
  const path = '/api/v2/alerts'
  t.is((await post(path, 'null')).status, 200)
  t.like(await post(path, ''), { status: 422, body: { code: 602 } })
  t.like(await post(path, '{"labels":{}}'), { status: 400, body: { code: 400 } })
  t.like(await post(path, `[${'1,'.repeat(maxAlerts)}1]`), { status: 413, body: { code: 413 } })
  t.is((await post(path, 'x'.repeat(9 * 1024 * 1024))).status, 413)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
    const { status, body } = await ask('POST', path, '[]', { 'content-type': type })
    const sentence = `unsupported media type "${type}", only [application/json] are allowed`
    t.deepEqual([status, body], [415, { code: 415, message: sentence }])
  }
  t.deepEqual(desk.alerts(), [])
  t.is((await post(path, [{ labels: { a: 'x'.repeat(maxAlertChars - 1) } }])).status, 200)
})

test('whatever is posted: it is an answer of 2xx or 4xx, and the good one is kept', async (t) => {
  const { post, named } = await openDesk(t)
  const fields = ['labels', 'annotations', 'startsAt', 'endsAt', 'generatorURL', '__proto__']
  const key = fc.oneof(fc.constantFrom(...fields), fc.string())
  const hostile = fc.dictionary(
    key,
    fc.oneof(fc.jsonValue(), fc.dictionary(fc.string(), fc.string())),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(fc.jsonValue(), hostile)), async (bad) => {
      const { status } = await post('/api/v2/alerts', [...bad, good])
      t.true(status === 200 || (status >= 400 && status < 500), String(status))
      t.true((await named('')).includes('Good'))
    }),
    { numRuns: 100 },
  )
})
