import test from 'ava'
import { Trouble } from '../../pipeline/errors.ts'
import type { DeadLetter } from '../../pipeline/event.ts'
import { getJson, open } from './open.ts'
import { deadLetter } from './shop.ts'

const now = Date.UTC(2026, 10, 22, 18, 30)
const original = { topic: 'logs', key: 'k', headers: {}, value: 'YQ==' } as const

/** Two that can be given back, of which one was, and one that cannot; ids with signs that queries know. */
function letters(): DeadLetter[] {
  return [
    { ...deadLetter(now), 'event.id': 'dead:"a" OR b', reason: 'older than 366 days', original },
    {
      ...deadLetter(now + 1),
      'event.id': 'dead:done',
      reason: 'older than 366 days',
      original,
      redriven: { at: '2026-11-22T18:31:00.000000000Z', by: 'me' },
    },
    { ...deadLetter(now + 2), 'event.id': 'dead:raw' },
  ]
}

test('dead letters are listed without their bytes; those that are chosen are given back', async (t) => {
  const given: [string[], string][] = []
  const { url, store } = await open(t, {
    async redrive(chosen, by) {
      if (by === 'nobody') throw new Trouble('the bus is away', { retryable: true })
      given.push([chosen.map((one) => one['event.id']), by])
      return { sent: chosen.map((one) => one['event.id']), impossible: [] }
    },
  })
  await store.putDocs('dead', letters())
  const { dead } = (await getJson(`${url}/api/dead`)).body
  t.deepEqual(
    dead.map((one: Record<string, unknown>) => [one['event.id'], one['redrivable']]),
    [
      ['dead:raw', false],
      ['dead:done', true],
      ['dead:"a" OR b', true],
    ],
  )
  t.false('original' in dead[2])

  const post = (body: unknown, headers: Record<string, string> = { 'x-mesoscope': '1' }) =>
    getJson(`${url}/api/dead/redrive`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  t.is((await post({ ids: ['dead:raw'] }, {})).status, 403, 'a foreign page')
  const dry = await post({ dry: true })
  t.deepEqual(dry.body, {
    dry: true,
    sent: ['dead:"a" OR b'],
    impossible: [{ id: 'dead:raw', reason: 'its original is not kept' }],
  })
  t.deepEqual(given, [])
  t.is((await post({ reason: 'older', by: 'anna' })).status, 200)
  t.is((await post({ ids: ['dead:done'], by: 'bert' })).status, 200)
  t.is((await post({ from: now + 2, to: now + 3 })).status, 200)
  t.deepEqual(given, [
    [['dead:"a" OR b'], 'anna'],
    [['dead:done'], 'bert'],
    [['dead:raw'], 'somebody'],
  ])
  t.is((await post({ ids: ['dead:other'] })).status, 404)
  t.is((await post({ reason: 'younger' })).status, 404)
  t.is((await post({ ids: ['dead:raw'], by: 'nobody' })).status, 503)
  for (const wrong of [
    { ids: [] },
    { ids: 'x' },
    { idx: ['x'] },
    { dry: 'yes' },
    { from: 'now' },
  ]) {
    t.is((await post(wrong)).status, 400, JSON.stringify(wrong))
  }
})

test('without a bus nothing is given back', async (t) => {
  const { url } = await open(t)
  const { status, body } = await getJson(`${url}/api/dead/redrive`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-mesoscope': '1' },
    body: '{"ids":["x"]}',
  })
  t.is(status, 501)
  t.regex(body.error, /no bus/)
})
