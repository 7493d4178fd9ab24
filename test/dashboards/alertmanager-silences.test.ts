import test from 'ava'
import { oneMatcher, openDesk, openScene, silence } from './alertmanager-scene.ts'

test('silences: by state and by their own matchers; the next to end first', async (t) => {
  const { post, get, ask } = await openDesk(t)
  const set = async (comment: string, more: object) => {
    const { body } = await post('/api/v2/silences', silence({ comment, ...more }))
    return body.silenceID as string
  }
  await set('later', { endsAt: '2026-11-25T00:00:00Z' })
  await set('soon', {
    matchers: [
      { name: 'alertname', value: 'Qu.*', isRegex: true, isEqual: false },
      { name: 'a', value: 'b', isRegex: false },
    ],
  })
  await set('next', { startsAt: '2026-11-22T20:00:00Z' })
  const over = await set('over', {})
  t.is((await ask('DELETE', `/api/v2/silence/${over.toUpperCase()}`)).status, 200)
  const listed = async (query: string) =>
    (await get(`/api/v2/silences${query}`)).body.map(
      (one: { comment: string; status: { state: string } }) => `${one.comment} ${one.status.state}`,
    )
  const all = ['soon active', 'later active', 'next pending', 'over expired']
  t.deepEqual(await listed(''), all)
  t.deepEqual(await listed('?expired=false&pending=false'), all.slice(0, 2))
  t.deepEqual(await listed('?active=false'), all.slice(2))
  t.deepEqual(await listed('?filter=alertname=Quiet'), all.slice(1))
  t.deepEqual(await listed('?filter=alertname!~Qu.*&filter=a=b'), all.slice(0, 1))
  t.deepEqual(await listed('?filter=alertname=~Qu.*'), [], 'another operator')
  t.deepEqual(await listed('?filter=alertname=~Quiet'), [], 'another operator')
})

test('a silence changes under its id, is ended, and an unknown one is nowhere', async (t) => {
  const { post, get, ask } = await openDesk(t)
  const { body } = await post('/api/v2/silences', silence({ id: '' }))
  const path = `/api/v2/silence/${body.silenceID}`
  const { startsAt } = (await get(path)).body
  const changed = silence({ id: body.silenceID, startsAt, comment: 'longer' })
  t.deepEqual((await post('/api/v2/silences', changed)).body, body)
  t.like((await get(path)).body, { comment: 'longer', status: { state: 'active' } })
  t.is((await ask('DELETE', path)).text, '')
  t.like((await get(path)).body, { status: { state: 'expired' } })
  const unknown = '/api/v2/silence/00000000-0000-4000-8000-000000000000'
  for (const method of ['GET', 'DELETE']) {
    const { status, text, type } = await ask(method, unknown)
    t.deepEqual([status, text, type], [404, '', null])
  }
  t.is((await ask('DELETE', '/api/v2/silence/x')).body.code, 601)
})

for (const [what, body, status, sentence] of [
  [
    'nobody silences',
    silence({ createdBy: ' ' }),
    400,
    /^"Failed to create silence: createdBy must not/,
  ],
  ['for no reason', silence({ comment: '' }), 400, /^"Failed to create silence: comment must not/],
  ['nothing is said', {}, 422, /"comment in body is required"/],
  ['no comment', silence({ comment: null }), 422, /"code":602,"message":"comment in body is req/],
  ['without end', silence({ endsAt: null }), 422, /endsAt in body is required/],
  ["ends at Go's zero", silence({ endsAt: '0001-01-01T00:00:00.000Z' }), 422, /endsAt in body is/],
  [
    'ends before',
    silence({ endsAt: '2026-11-21T00:00:00Z' }),
    400,
    /start time must be before end/,
  ],
  [
    'is over',
    silence({ startsAt: '2020-11-22T00:00:00Z', endsAt: '2021-01-01T00:00:00Z' }),
    400,
    /end time can't be in the past/,
  ],
  ['no list', silence({ matchers: {} }), 400, /"code":400.*matchers is no list/],
  [
    'too many matchers',
    silence({ matchers: Array.from({ length: 101 }, () => 1) }),
    422,
    /at most 100 items/,
  ],
  [
    'a matcher without value',
    silence(oneMatcher({ value: null })),
    422,
    /matchers.0.value in body/,
  ],
  [
    'a flag that is none',
    silence(oneMatcher({ isEqual: 'no' })),
    400,
    /matchers.0.isEqual is no boolean/,
  ],
  [
    'half a character',
    silence(oneMatcher({ value: '\ud800' })),
    400,
    /matchers.0.value holds half/,
  ],
  ['no name', silence(oneMatcher({ name: '' })), 400, /^"invalid silence: .* invalid label name/],
  [
    'no expression',
    silence(oneMatcher({ value: 'a)(b', isRegex: true })),
    400,
    /invalid label matcher 0 in set 0: invalid regular expression/,
  ],
  [
    'takes all',
    silence(oneMatcher({ value: '.*', isRegex: true })),
    400,
    /must not match the empty/,
  ],
  ['an unknown id', silence({ id: 'x' }), 404, /^"silence not found"$/],
  ['no object', [], 400, /parsing silence body from \\"\\" failed, because it is no object/],
  ['no JSON', '{', 400, /because it is not JSON/],
  ['too long', silence({ comment: 'x'.repeat(65_536) }), 413, /"code":413/],
] as const) {
  test(`a silence is refused: ${what}`, async (t) => {
    const { post, desk } = await openDesk(t)
    const answer = await post('/api/v2/silences', body)
    t.is(answer.status, status, answer.text)
    t.regex(answer.text, sentence)
    t.is(answer.type, 'application/json')
    t.deepEqual(desk.silences(), [])
  })
}

test('a preview tells what a silence would mute, and sets none', async (t) => {
  const { post, desk } = await openScene(t)
  const preview = (matchers: unknown, headers = { 'x-mesoscope': '1' }) =>
    post('/api/silences/preview', { matchers }, headers)
  const [cluster] = oneMatcher({ name: 'cluster', value: 'c.', isRegex: true }).matchers
  const { body } = await preview([
    cluster,
    { name: 'env', value: 'dev', isRegex: false, isEqual: false },
  ])
  t.is(body.count, 1)
  t.like(body.alerts[0], { labels: { alertname: 'Down' }, status: { state: 'active' } })
  const odd = [{ name: 'ein Name', value: 'ü "x"', isRegex: false }]
  t.is((await preview(odd)).body.count, 1)
  t.is((await preview([{ ...cluster, value: '.*' }])).status, 400, 'it would be refused')
  t.is((await preview(undefined)).status, 422)
  t.is((await preview([cluster], {} as never)).status, 403)
  t.is(desk.silences().length, 1)
})

test('a preview takes names and values as they are, whatever is in them', async (t) => {
  const { post } = await openDesk(t)
  const odd = [
    '\\',
    'a\\',
    '\\n',
    '"',
    'a"b\\"',
    '\n',
    '\t',
    ' ',
    '{',
    '}',
    ',',
    "'",
    'ü',
    '\u0001',
    '🚨',
  ]
  const labels = odd.flatMap((value) => [{ plain: value }, { [`odd ${value}`]: value }])
  await post(
    '/api/v2/alerts',
    labels.map((one) => ({ labels: one })),
  )
  for (const one of labels) {
    const [[name, value] = ['', '']] = Object.entries(one)
    const { body } = await post(
      '/api/silences/preview',
      { matchers: [{ name, value, isRegex: false }] },
      { 'x-mesoscope': '1' },
    )
    const found = body.alerts?.map((alert: { labels: object }) => alert.labels)
    t.deepEqual(found, [one], JSON.stringify(one))
  }
})
