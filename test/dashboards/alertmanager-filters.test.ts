import test from 'ava'
import { manualClock } from '../../pipeline/clock.ts'
import type { DeskGroup } from '../../pipeline/notification-desk.ts'
import { memoryDesk } from '../helpers/desk.ts'
import { config } from './alertmanager-story.ts'
import { now, openDesk, openScene } from './alertmanager-scene.ts'

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
