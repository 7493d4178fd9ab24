import { readFileSync } from 'node:fs'
import test from 'ava'
import { dockerIdentity, unknownContainer } from '../../collectors/docker-identity.ts'
import type { Identity } from '../../pipeline/identity.ts'

const options = { hostname: 'box' }
const fixture = (name: string): unknown =>
  JSON.parse(
    readFileSync(new URL(`../fixtures/docker-engine/${name}.json`, import.meta.url), 'utf8'),
  )

const captured: [string, string, Identity][] = [
  [
    'a Marathon task',
    'inspect-mesos-running',
    {
      service: '/shop/api',
      task: 'shop_api.instance-25212c0c-e6a2-11f1-bdef-02fc00000001._app.1',
      container: 'ff4c9b0550ca1759365b3045113887fd6f89d2493c576c7c1cfa40249ab2b17b',
      containerName: 'mesos-ede58961-8932-479b-8055-a2d4adae3535',
      agent: '127.0.0.1',
      version: '2026-11-22T18:00:00.000Z',
      image: 'dltest/busybox:1',
      owner: 'shop',
      labels: {
        owner: 'shop',
        tier: '1',
        MESOS_TASK_ID: 'shop_api.instance-25212c0c-e6a2-11f1-bdef-02fc00000001._app.1',
        'com.example.role': 'api',
        team: 'payments',
      },
    },
  ],
  [
    'a container that only has a name',
    'inspect-tty',
    {
      service: 'drv-tty',
      task: 'drv-tty',
      containerName: 'drv-tty',
      agent: 'box',
      image: 'dltest/busybox:1',
    },
  ],
]

for (const [title, name, expected] of captured) {
  test(`inspect: ${title}`, (t) => {
    const described = fixture(name) as { Id: string; Name: string }
    const identity = dockerIdentity(described, options)
    const name_ = described.Name.slice(1)
    const isNamed = expected.service === expected.containerName
    const own = isNamed ? { service: name_, task: name_, containerName: name_ } : {}
    const { labels, ...rest } = { ...expected, container: described.Id, ...own }
    t.like(identity, rest)
    if (labels) t.deepEqual(identity.labels, labels)
  })
}

test('inspect and config.v2.json of one container tell the same', (t) => {
  const config = fixture('config-v2-running') as Record<string, unknown>
  const inspected = { Id: config['ID'], Name: config['Name'], Config: config['Config'] }
  t.deepEqual(dockerIdentity(config, options), dockerIdentity(inspected, options))
})

const web = { Id: 'ab12', Name: '/web-1' }
const compose = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }
const marathon = ['MARATHON_APP_ID=/shop/web']

const services: [string, unknown, { service?: string }, string | undefined][] = [
  [
    'set for the input',
    { Labels: { 'mesoscope.service': 'l' }, Env: marathon },
    { service: 's' },
    's',
  ],
  ['label', { Labels: { 'mesoscope.service': 'l', ...compose }, Env: marathon }, {}, 'l'],
  ['Marathon', { Labels: compose, Env: marathon }, {}, '/shop/web'],
  ['compose', { Labels: compose }, {}, '/shop/web'],
  ['half of compose', { Labels: { 'com.docker.compose.service': 'web' } }, {}, 'web-1'],
  ['name', {}, {}, 'web-1'],
  ['an empty label is none', { Labels: { 'mesoscope.service': ' ' } }, {}, 'web-1'],
]

for (const [title, Config, set, expected] of services) {
  test(`service, first found wins: ${title}`, (t) => {
    t.is(dockerIdentity({ ...web, Config }, { ...options, ...set }).service, expected)
  })
}

const tasks: [string, unknown, string][] = [
  ['label', { Labels: { MESOS_TASK_ID: 'a' }, Env: ['MESOS_TASK_ID=b'] }, 'a'],
  ['environment', { Env: ['MESOS_TASK_ID=b', 'mesos_task_id=c'] }, 'b'],
  ['old environment', { Env: ['mesos_task_id=c'] }, 'c'],
  ['name', { Env: ['OTHER=1'] }, 'web-1'],
]

for (const [title, Config, expected] of tasks) {
  test(`task, first found wins: ${title}`, (t) => {
    t.is(dockerIdentity({ ...web, Config }, options).task, expected)
  })
}

test('HOST is the agent only beside names of Marathon or Mesos', (t) => {
  const agent = (Env: string[]) => dockerIdentity({ ...web, Config: { Env } }, options).agent
  t.is(agent(['HOST=0.0.0.0']), 'box')
  t.is(agent(['HOST=agent-7', 'MARATHON_APP_ID=/a']), 'agent-7')
})

test('owner and runbook come from labels of Docker, else of Marathon', (t) => {
  const Env = ['MARATHON_APP_LABEL_OWNER=m', 'MARATHON_APP_LABEL_RUNBOOK=https://r']
  t.like(dockerIdentity({ ...web, Config: { Env } }, options), { owner: 'm', runbook: 'https://r' })
  const Labels = { 'mesoscope.owner': 'd', 'mesoscope.runbook': 'https://d' }
  t.like(dockerIdentity({ ...web, Config: { Env, Labels } }, options), {
    owner: 'd',
    runbook: 'https://d',
  })
})

test('how long its events are kept is asked for by a label of Docker or of Marathon, of our name alone', (t) => {
  const retention = (Env: string[], Labels = {}) =>
    dockerIdentity({ ...web, Config: { Env, Labels } }, options).retention
  t.is(retention(['MARATHON_APP_LABEL_RETENTION=1y'], { retention: '1y' }), undefined)
  t.is(retention(['MARATHON_APP_LABEL_MESOSCOPE_RETENTION=audit']), 'audit')
  const both = ['MARATHON_APP_LABEL_MESOSCOPE_RETENTION=audit']
  t.is(retention(both, { 'mesoscope.retention': 'brief' }), 'brief')
})

test('labels are bounded data without control characters', (t) => {
  const many = Object.fromEntries(Array.from({ length: 80 }, (_, n) => [`l${n}`, 'v']))
  const { labels = {} } = dockerIdentity({ ...web, Config: { Labels: many } }, options)
  t.is(Object.keys(labels).length, 65)
  t.is(labels['mesoscope.labels_cut'], '16')
  const odd = JSON.parse('{"__proto__":"x","esc":"a\\u001b[31mb\\r\\nc","long":"","n":1}') as object
  const cleaned = dockerIdentity(
    { ...web, Config: { Labels: { ...odd, long: 'y'.repeat(5000) } } },
    options,
  )
  t.is(cleaned.labels?.['esc'], 'a[31mbc')
  t.is(cleaned.labels?.['long']?.length, 1024)
  t.false('n' in (cleaned.labels ?? {}))
  t.is(Object.getPrototypeOf(cleaned.labels), Object.prototype)
})

const nonsense = [
  null,
  undefined,
  7,
  'x',
  [],
  {},
  { Config: 3, Name: [] },
  { Config: { Env: {}, Labels: [] } },
]
for (const described of nonsense) {
  test(`nonsense is unknown, not an error: ${JSON.stringify(described)}`, (t) => {
    t.deepEqual(dockerIdentity(described, options), { agent: 'box' })
  })
}

test('a container without a description has its id and the machine', (t) => {
  t.deepEqual(unknownContainer('ab12', { ...options, cluster: 'c' }), {
    cluster: 'c',
    container: 'ab12',
    agent: 'box',
  })
})
