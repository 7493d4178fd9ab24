import test from 'ava'
import { openHearing } from '../../collectors/hearing.ts'

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
