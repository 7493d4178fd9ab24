import test from 'ava'
import { openHearing } from '../../collectors/hearing.ts'
import { msToIso, type ChangeDoc } from '../../pipeline/event.ts'

const t0 = Date.UTC(2026, 10, 22, 18, 30)

test('a time without events is told once, when they come again', (t) => {
  const hearing = openHearing({
    name: 'marathon',
    of: 'marathon',
    cluster: 'prod',
    intervalMs: 5000,
  })
  hearing.lost(t0 - 60_000)
  t.deepEqual(hearing.back(t0), [])
  hearing.lost(t0 + 1000)
  hearing.lost(t0 + 2000)
  const [gap, ...more] = hearing.back(t0 + 61_000)
  t.like(gap, {
    'event.kind': 'collector',
    'event.action': 'events-gap',
    'gap.from': '2026-11-22T18:30:01.000000000Z',
    'gap.to': '2026-11-22T18:31:01.000000000Z',
    'orchestrator.cluster.name': 'prod',
  })
  t.regex(gap?.message ?? '', /^marathon: no events of Marathon from .*18:30:01.* for 60 s: /)
  t.deepEqual(more, [])
  t.deepEqual(hearing.back(t0 + 62_000), [])
})

test('one that a poll covers is not told', (t) => {
  const hearing = openHearing({
    name: 'marathon',
    of: 'marathon',
    cluster: undefined,
    intervalMs: 5000,
  })
  hearing.back(t0 - 1)
  hearing.lost(t0)
  t.deepEqual(hearing.back(t0 + 5000), [])
})

test('what a poll has found and no event told is named, as far as events were promised', (t) => {
  const hearing = openHearing({ name: 'mesos', of: 'mesos', cluster: 'prod', intervalMs: 5000 })
  const found = (second: number): ChangeDoc => ({
    '@timestamp': msToIso(t0 + second * 1000),
    'event.id': `change:task:${second}`,
    'event.kind': 'task',
    'event.action': 'failed',
    message: `web.${second} TASK_FAILED`,
    'event.provider': 'mesos',
  })
  t.deepEqual(hearing.missed([found(60)], t0 + 61_000), [], 'none was heard yet')
  hearing.back(t0)
  t.deepEqual(hearing.missed([found(4)], t0 + 61_000), [], 'as events began')
  const all = Array.from({ length: 7 }, (_, n) => found(10 + n))
  const [missed, ...more] = hearing.missed([found(1), ...all], t0 + 61_000)
  t.deepEqual(more, [])
  t.like(missed, {
    '@timestamp': '2026-11-22T18:31:01.000000000Z',
    'event.id': 'change:collector:mesos:events-missed:change:task:10',
    'event.kind': 'collector',
    'event.action': 'events-missed',
    'orchestrator.cluster.name': 'prod',
  })
  t.is(
    missed?.message,
    'mesos: no event of the Mesos master told what a poll has found: web.10 TASK_FAILED; web.11 TASK_FAILED; ' +
      'web.12 TASK_FAILED; web.13 TASK_FAILED; web.14 TASK_FAILED (and 2 more)',
  )
  hearing.lost(t0 + 70_000)
  t.deepEqual(hearing.missed([found(20)], t0 + 71_000), [], 'that is a gap')
})
