import { readFileSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { parseFilter } from '../../alerting/stages/filter.ts'
import { maxAlertChars, maxAlerts } from '../../dashboards/alertmanager/bodies.ts'
import type { DashboardsOptions } from '../../dashboards/api.ts'
import { manualClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import type { DeskGroup } from '../../pipeline/notification-desk.ts'
import { memoryDesk } from '../helpers/desk.ts'
import { differences, shapeOf } from '../helpers/shape.ts'
import { comparable, config, missingSteps, sessions } from './alertmanager-story.ts'
import { open } from './open.ts'

const now = Date.parse('2026-11-22T19:21:19.700Z')

/** The dashboards before a desk of its own. */
async function openDesk(t: ExecutionContext, more: Partial<DashboardsOptions> = {}) {
  const clock = manualClock(now)
  const desk = memoryDesk(config, clock)
  const { url } = await open(t, {
    desk,
    parseMatcher: parseFilter,
    clock,
    version: '1.2.3',
    ...more,
  })
  const ask = async (method: string, path: string, body?: unknown, headers = {}) => {
    const json = { 'content-type': 'application/json' }
    const response = await fetch(url + path, {
      method,
      headers: { ...(body === undefined ? {} : json), ...headers },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const type = response.headers.get('content-type')
    // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers freely
    const read: any = type?.startsWith('application/json') ? JSON.parse(text) : text
    return { status: response.status, type, text, body: read }
  }
  const get = (path: string) => ask('GET', path)
  const post = (path: string, body: unknown, headers = {}) => ask('POST', path, body, headers)
  const named = async (query: string) =>
    (await get(`/api/v2/alerts${query}`)).body.map(
      (alert: { labels: Record<string, string> }) => alert.labels['alertname'],
    )
  return { url, clock, desk, ask, get, post, named }
}

test('the captured sessions of amtool and others: the same answers', async (t) => {
  const { ask } = await openDesk(t)
  const ids = new Map<string, string>()
  for (const { id, http } of sessions.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const missing = missingSteps[id]
    if (missing) {
      const { status, body } = await ask('POST', missing.path, comparableIds(missing.body, ids))
      t.is(status, 200, id)
      if (missing.silenceID !== undefined) ids.set(missing.silenceID, body.silenceID)
    }
    for (const { method, path, body, response } of http) {
      if (path === '/nosuch') continue
      const sent = body === null ? undefined : comparableIds(body, ids)
      const got = await ask(method, withIds(path, ids), sent)
      const { silenceID } = (response.body ?? {}) as { silenceID?: string }
      if (silenceID !== undefined) ids.set(silenceID, got.body.silenceID)
      t.is(got.status, response.status, `${id} ${method} ${path}`)
      t.is(got.type, response.contentType, id)
      if (path === '/api/v2/status') {
        const [real, ours] = [JSON.stringify(response.body), got.text]
        t.deepEqual(differences(shapeOf([real]), shapeOf([ours])), [])
      } else {
        t.deepEqual(told(comparable(got.body, ids)), told(comparable(response.body, ids)), id)
      }
    }
  }
  t.is(ids.size, 2)
})

const withIds = (text: string, ids: ReadonlyMap<string, string>) =>
  [...ids].reduce((sofar, [theirs, ours]) => sofar.replaceAll(theirs, ours), text)
const comparableIds = (body: unknown, ids: ReadonlyMap<string, string>) =>
  withIds(JSON.stringify(body), ids)
/** How a body cannot be read is told in the words of who reads it. */
function told(body: unknown): unknown {
  const { message } = (body ?? {}) as { message?: string }
  const [, start] = /^(parsing .* failed, because )/.exec(message ?? '') ?? []
  return start === undefined ? body : { ...(body as object), message: start }
}

test('what a real Prometheus posted: taken, re-posted, and gone when it is resolved', async (t) => {
  const fixture = new URL(
    '../fixtures/oracles/alertmanager/posts-to-alertmanager.json',
    import.meta.url,
  )
  const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as {
    cases: { posts: { body: { labels: Record<string, string> }[]; epoch: number }[] }[]
  }
  for (const { posts } of cases) {
    const { clock, post, named } = await openDesk(t)
    clock.set((posts[0]?.epoch ?? 0) * 1000)
    const states: string[] = []
    for (const { body, epoch } of posts) {
      clock.set(epoch * 1000)
      t.is((await post('/api/v2/alerts', body)).status, 200)
      const names: string[] = await named('')
      states.push(names.toSorted().join(' '))
    }
    t.true(states.includes('Always Toggle'))
    t.true(states.lastIndexOf('Always') > states.indexOf('Always Toggle'), 'Toggle was resolved')
  }
})

/** Down silences Slow by inhibition; Quiet is silenced. */
async function openScene(t: ExecutionContext) {
  const scene = await openDesk(t)
  const { status } = await scene.post('/api/v2/alerts', [
    { labels: { alertname: 'Down', severity: 'critical', cluster: 'c1' } },
    { labels: { alertname: 'Slow', severity: 'warning', cluster: 'c1', env: 'dev' } },
    { labels: { alertname: 'Quiet', 'ein Name': 'ü "x"' } },
  ])
  t.is(status, 200)
  t.is((await scene.post('/api/v2/silences', silence({}))).status, 200)
  return scene
}

function silence(more: object) {
  return {
    matchers: [{ name: 'alertname', value: 'Quiet', isRegex: false }],
    startsAt: '2026-11-22T00:00:00Z',
    endsAt: '2026-11-23T00:00:00Z',
    createdBy: 'ops',
    comment: 'known',
    ...more,
  }
}

for (const [query, names] of [
  ['', ['Down', 'Quiet', 'Slow']],
  ['?active=false', ['Quiet', 'Slow']],
  ['?silenced=false', ['Down', 'Slow']],
  ['?inhibited=false', ['Down', 'Quiet']],
  ['?active=1&silenced=no&inhibited=no', ['Down']],
  ['?active=false&active=true&silenced=', ['Down', 'Quiet', 'Slow']],
  ['?receiver=dev', ['Slow']],
  ['?receiver=de', []],
  ['?receiver=d.*|hook', ['Down', 'Quiet', 'Slow']],
  ['?receiver_matchers=name!=dev', ['Down', 'Quiet']],
  ['?filter=severity=~"crit.*|warning"&filter=cluster="c1"', ['Down', 'Slow']],
  ['?filter=severity=""', ['Quiet']],
  ['?filter=severity!=critical', ['Quiet', 'Slow']],
  ['?filter="ein Name"="ü \\"x\\""', ['Quiet']],
  ['?filter=constructor=""', ['Down', 'Quiet', 'Slow']],
] as const) {
  test(`alerts${query}: ${names.join(', ')}`, async (t) => {
    const { named, get } = await openScene(t)
    const encoded = query.replaceAll(/"|\\| |\||ü/g, encodeURIComponent)
    t.deepEqual((await named(encoded)).toSorted(), [...names])
    const groups = (await get(`/api/v2/alerts/groups${encoded}`)).body
    t.deepEqual(
      groups.map((group: { labels: Record<string, string> }) => group.labels['alertname']),
      [...names],
      'the same by groups, sorted by their labels',
    )
  })
}

test('alerts of a group: by job, by instance, those without one last, then by their labels', async (t) => {
  const { post, get } = await openDesk(t)
  const alert = (zz: string, labels: object) => ({ labels: { alertname: 'A', zz, ...labels } })
  const posted = [
    alert('4', { job: 'a' }),
    alert('1', { job: 'a', instance: 'i1', z: 'z' }),
    alert('2', { job: 'a', instance: 'i1', y: 'y' }),
    alert('3', { job: 'a', instance: 'i2' }),
    alert('8', { q: 'q' }),
    alert('6', {}),
    alert('5', { job: 'b', instance: 'i0' }),
    alert('7', {}),
  ]
  await post('/api/v2/alerts', posted)
  const [group] = (await get('/api/v2/alerts/groups')).body
  t.deepEqual(
    group.alerts.map(({ labels }: { labels: { zz: string } }) => labels.zz).join(''),
    '12345678',
  )
})

test('groups that a time interval mutes can be left out; their alerts count as active', async (t) => {
  const desk = memoryDesk(config, manualClock(now))
  const muted = { ...desk, groups: () => desk.groups().map(inTheNight) }
  const { post, get } = await openDesk(t, { desk: muted })
  await post('/api/v2/alerts', [{ labels: { alertname: 'Down' } }, { labels: { alertname: 'Up' } }])
  const groups = async (query: string) => (await get(`/api/v2/alerts/groups${query}`)).body
  t.like((await groups(''))[0].alerts[0].status, { state: 'suppressed', mutedBy: ['night'] })
  t.deepEqual(
    (await groups('?muted=false')).map((group: { labels: object }) => group.labels),
    [{ alertname: 'Up' }],
  )
  t.deepEqual(await groups('?active=false'), [])
})

function inTheNight(group: DeskGroup): DeskGroup {
  if (group.labels['alertname'] !== 'Down') return group
  return { ...group, alerts: group.alerts.map((alert) => ({ ...alert, mutedBy: ['night'] })) }
}

test('alerts come in the order of their fingerprints', async (t) => {
  const { get } = await openScene(t)
  const prints = (await get('/api/v2/alerts')).body.map(
    (one: { fingerprint: string }) => one.fingerprint,
  )
  t.is(prints.length, 3)
  t.deepEqual(prints, prints.toSorted())
})

for (const [path, sentence] of [
  ['alerts?filter=a', 'bad matcher format: a'],
  ['alerts?filter={a=b}', 'unexpected open or close brace: {a=b}'],
  ['alerts/groups?filter=a="b",c="d"', 'matcher value contains unescaped double quote: "b",c="d"'],
  ['silences?filter==b', 'bad matcher format: =b'],
  ['alerts?filter=a=~(', 'error parsing regexp: missing closing ): `^(?:()$`'],
  [
    'alerts?receiver=(',
    'failed to parse receiver param: error parsing regexp: missing closing ): `^(?:()$`',
  ],
  [
    'receivers?receiver_matchers=x',
    'failed to parse receiver_matchers param: bad matcher format: x',
  ],
] as const) {
  test(`a filter that cannot be read: ${path}`, async (t) => {
    const { get } = await openDesk(t)
    const { status, body } = await get(`/api/v2/${path}`)
    t.deepEqual([status, body], [400, sentence])
  })
}

test('a hundred filters are enough', async (t) => {
  const { get } = await openDesk(t)
  t.is((await get(`/api/v2/alerts?${'filter=a=b&'.repeat(100)}`)).status, 200)
  t.is((await get(`/api/v2/alerts?${'filter=a=b&'.repeat(101)}`)).status, 400)
})

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

const oneMatcher = (more: object) => ({
  matchers: [{ name: 'a', value: 'b', isRegex: false, ...more }],
})
for (const [what, body, status, sentence] of [
  [
    'nobody silences',
    silence({ createdBy: ' ' }),
    400,
    /^"Failed to create silence: createdBy must not/,
  ],
  ['for no reason', silence({ comment: '' }), 400, /^"Failed to create silence: comment must not/],
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

const good = { labels: { alertname: 'Good' } }
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

test('v1 is gone, whoever asks', async (t) => {
  const { ask } = await openDesk(t)
  for (const [method, body] of [
    ['GET', undefined],
    ['POST', '[]'],
  ] as const) {
    const answer = await ask(method, '/api/v1/alerts', body)
    t.like(answer, { status: 410, body: { status: 'deprecated' } })
  }
})

test('a process without a desk says so, and is alive', async (t) => {
  const { url } = await open(t)
  for (const path of ['status', 'receivers', 'alerts', 'alerts/groups', 'silences']) {
    const response = await fetch(`${url}/api/v2/${path}`)
    t.deepEqual([response.status, await response.json()], [501, 'this process does not notify'])
  }
  t.is(await (await fetch(`${url}/-/healthy`)).text(), 'OK')
})

test('a desk that cannot write now: 503; one that refuses: 400; one that breaks: 500', async (t) => {
  let error: Error = new Trouble('the bus is away', { retryable: true })
  const fails = async () => {
    throw error
  }
  const desk = {
    ...memoryDesk(config, manualClock(now)),
    post: fails,
    setSilence: fails,
    expireSilence: fails,
  }
  const { post, ask } = await openDesk(t, { desk })
  t.like(await post('/api/v2/alerts', [good]), { status: 503, body: 'the bus is away' })
  error = new Trouble('too many silences')
  t.like(await post('/api/v2/silences', silence({})), { status: 400, body: 'too many silences' })
  error = new Error('secret')
  const id = '00000000-0000-4000-8000-000000000000'
  const { status, text } = await ask('DELETE', `/api/v2/silence/${id}`)
  t.is(status, 500)
  t.notRegex(text, /secret/)
})

test('with a token nothing is open but that we live', async (t) => {
  const { get, post } = await openDesk(t, { token: 'open-sesame' })
  t.is((await get('/-/ready')).status, 200)
  t.is((await get('/api/v2/alerts')).status, 401)
  t.like(await post('/api/v2/alerts', []), { status: 401, body: { code: 401 } })
  t.is((await post('/api/v2/alerts', [], { authorization: 'Bearer open-sesame' })).status, 200)
})

test('a page from elsewhere changes nothing, with or without JSON', async (t) => {
  const { ask, post, desk } = await openDesk(t)
  for (const headers of [
    { origin: 'https://evil.test' },
    { origin: 'null' },
    { cookie: 'mesoscope_session=x' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    t.is((await post('/api/v2/alerts', [good], headers)).status, 403, JSON.stringify(headers))
    t.is((await ask('DELETE', '/api/v2/silence/x', undefined, headers)).status, 403)
  }
  t.is((await ask('POST', '/api/v2/alerts', '[]', { 'content-type': 'text/plain' })).status, 415)
  t.deepEqual(desk.alerts(), [])
  const ours = { 'x-mesoscope': '1', origin: 'http://karma.test' }
  t.is((await post('/api/v2/alerts', [good], ours)).status, 200)
})

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
