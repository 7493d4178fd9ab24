import test from 'ava'
import { openPostureTold } from '../../collectors/posture-told.ts'
import { toRecords } from '../../collectors/spool-records.ts'
import type { Collected } from '../../collectors/sink.ts'
import { manualClock } from '../../pipeline/clock.ts'
import { readPosture, type Verdicts } from '../../pipeline/posture.ts'
import { readApps } from '../../collectors/marathon-apps.ts'
import { appOf, openNews, taskOf } from './fake-marathon.ts'
import { openRecording, openRecordingSink } from './recording-sink.ts'

const hour = 3_600_000
const findings: Verdicts = { root: { found: true, detail: 'no user' } }
const identity = {
  service: '/shop/web',
  task: 'web.1',
  container: 'a1',
  owner: 'shop',
  labels: { mesoscope_posture_accept: 'root' },
}

function open() {
  const recording = openRecording()
  const clock = manualClock(1_000_000)
  const openOne = () => {
    const sink = openRecordingSink(recording)
    const told = openPostureTold({ name: 'docker', of: 'container', sink, clock })
    const put = async (batch: Collected) => {
      await sink.append(batch)
      return batch.postures ?? []
    }
    return { told, put }
  }
  return { recording, clock, openOne }
}

test('a posture is told once, by what tells the service, and again when it changes', async (t) => {
  const { openOne, clock } = open()
  const { told, put } = openOne()
  t.deepEqual(await put(told.tell('a1', identity, findings)), [
    {
      v: 1,
      of: 'container',
      id: 'a1',
      identity: { service: '/shop/web', owner: 'shop' },
      findings,
      accept: 'root',
      atMs: clock.now(),
    },
  ])
  t.deepEqual(told.tell('a1', { ...identity, task: 'web.2' }, findings), {})
  t.is((await put(told.tell('a1', identity, {}))).length, 1)
  t.deepEqual(told.tell('a2', { container: 'a2' }, findings), {}, 'nobody knows whose it is')
})

test('a restart tells nothing again, but what is gone since', async (t) => {
  const { openOne } = open()
  const first = openOne()
  for (const id of ['a1', 'b2']) await first.put(first.told.tell(id, identity, findings))
  const { told, put } = openOne()
  t.deepEqual(told.tell('a1', identity, findings), {})
  const gone = await put(told.missing((id) => id === 'a1'))
  t.deepEqual(gone, [{ of: 'container', id: 'b2', gone: true }])
  t.deepEqual(told.gone('b2'), {}, 'once')
  t.deepEqual(openOne().told.missing((id) => id === 'a1').postures, [])
})

test('what is told is told again some times a day, or it would be forgotten', async (t) => {
  const { openOne, clock } = open()
  const { told, put } = openOne()
  await put(told.tell('a1', identity, findings))
  clock.set(clock.now() + 5 * hour)
  t.deepEqual(await put(told.due()), [])
  clock.set(clock.now() + 2 * hour)
  t.deepEqual(
    (await put(told.due())).map(({ id }) => id),
    ['a1'],
  )
  t.deepEqual(await put(told.due()), [])
})

test('on the bus each has its key, and what is gone is empty', (t) => {
  const { told } = open().openOne()
  const records = toRecords(told.tell('a1', identity, findings))
  t.deepEqual(
    records.map(({ topic, key }) => [topic, key]),
    [['posture', 'container:a1']],
  )
  t.deepEqual(readPosture(records[0]?.value ?? new Uint8Array())?.findings, findings)
  const [gone] = toRecords(told.gone('a1'))
  t.deepEqual([gone?.topic, gone?.key, gone?.value.length], ['posture', 'container:a1', 0])
})

test('of the apps that Marathon tells each is told once, and again when it changes', (t) => {
  const { news } = openNews()
  const poll = (...apps: object[]) =>
    news.poll({
      startMs: 1000,
      atMs: 1000,
      apps: readApps({ apps }).apps ?? [],
      hasPods: true,
      ends: [],
      deployments: [],
      queue: new Map(),
      hearsEvents: true,
    }).postures ?? []
  const one = appOf('/shop/web', [taskOf('a')])
  t.like(poll(one, appOf('/shop/db', [taskOf('b'), taskOf('c')])), {
    0: {
      of: 'app',
      id: '/shop/web',
      identity: { service: '/shop/web', owner: 'shop' },
      findings: { 'one-instance': { found: true }, 'no-memory-limit': { found: false } },
    },
    1: { id: '/shop/db', findings: { 'one-instance': { found: false } } },
  })
  t.deepEqual(poll(one, appOf('/shop/db', [taskOf('b'), taskOf('c')])), [])
  const scaled = appOf('/shop/web', [taskOf('a'), taskOf('d')])
  t.deepEqual(
    poll(scaled).map((told) => [told.id, 'gone' in told]),
    [
      ['/shop/db', true],
      ['/shop/web', false],
    ],
  )
})
