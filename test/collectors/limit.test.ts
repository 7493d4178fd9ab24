import test from 'ava'
import { limitLines } from '../../collectors/limit.ts'
import type { Collected, Sink } from '../../collectors/sink.ts'
import { manualClock } from '../../pipeline/clock.ts'
import { msToIso, type ChangeDoc } from '../../pipeline/event.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { record, someTime } from '../helpers/pipeline.ts'

function open(lines_per_second: number | undefined, burst = 1000) {
  const batches: Collected[] = []
  const clock = manualClock(someTime)
  const metrics = openMetrics()
  const sink: Sink = {
    append: async (batch) => void batches.push(batch),
    position: () => 'a position',
    positions: () => [],
  }
  const limited = limitLines(sink, { lines_per_second, burst }, { clock, metrics })
  let next = 0
  /** `count` lines of a service, as one record. */
  const lines = (identity: Identity, count: number) => {
    const first = next
    next += count
    const messages = Array.from({ length: count }, () => 'x')
    return record({ source: `${identity.service}:o`, first, identity, messages })
  }
  return { batches, clock, metrics, limited, lines }
}

const passed = (batches: Collected[]) =>
  batches.flatMap(({ records = [] }) => records.map(({ head }) => head.identity.service))
const changes = (batches: Collected[]) => [
  ...new Map(
    batches
      .flatMap((batch) => batch.changes ?? [])
      .map((change): [string, ChangeDoc] => [change['event.id'], change]),
  ).values(),
]

test('who writes more than it may loses what is beyond, with its number; others lose nothing', async (t) => {
  const { batches, clock, metrics, limited, lines } = open(100)
  const loud = { service: '/loud' }
  const quiet = { service: '/quiet' }
  for (let i = 0; i < 10; i++) {
    await limited.append({
      records: [lines(loud, 50), lines(quiet, 1)],
      positions: { in: i },
    })
  }
  t.is(passed(batches).filter((service) => service === '/quiet').length, 10)
  t.is(passed(batches).filter((service) => service === '/loud').length, 2, 'a second at once')
  t.deepEqual(
    batches.map(({ positions }) => positions?.['in']),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    'reading goes on',
  )
  const [told, ...others] = changes(batches)
  t.is(others.length, 0, 'one document, which grows')
  t.like(told, { 'event.kind': 'drop', 'event.action': 'suppressed', 'service.name': '/loud' })
  t.regex(
    told?.message ?? '',
    /^suppressed 400 lines of \/loud, from .*: it may write 100 a second$/,
  )
  t.regex(limited.trouble() ?? '', /\/loud writes more than 100 lines a second/)
  const counted = await metrics.dropped_lines_total.get()
  t.is(counted.values[0]?.value, 400)

  clock.set(someTime + 10_000)
  await limited.append({ records: [lines(loud, 50), lines(loud, 50), lines(loud, 50)] })
  t.is(passed(batches).filter((service) => service === '/loud').length, 4)
  t.is(changes(batches).length, 2, 'another window, another document')
  clock.set(someTime + 80_000)
  t.is(limited.trouble(), undefined)
})

test('a label of the service counts more; one that is no number counts nothing', async (t) => {
  const { batches, limited, lines } = open(10)
  const free = { service: '/free', labels: { 'mesoscope.lines_per_second': '1000' } }
  const marathon = { service: '/m', labels: { mesoscope_lines_per_second: '1000' } }
  const odd = { service: '/odd', labels: { 'mesoscope.lines_per_second': 'many' } }
  for (let i = 0; i < 3; i++) {
    await limited.append({ records: [lines(free, 20), lines(marathon, 20), lines(odd, 20)] })
  }
  const counts = Map.groupBy(passed(batches), (service) => service)
  t.deepEqual(
    ['/free', '/m', '/odd'].map((service) => counts.get(service)?.length),
    [3, 3, 1],
  )
})

test('without a limit nothing is looked at', async (t) => {
  const { batches, limited, lines } = open(undefined)
  const batch = { records: [lines({ service: '/a' }, 1000), lines({ service: '/a' }, 1000)] }
  await limited.append(batch)
  t.is(batches[0], batch)
  t.is(limited.position('x'), 'a position')
  t.is(limited.trouble(), undefined)
})

test('what a sample left out is told once a window, with its number and times', async (t) => {
  const { batches, clock, metrics, limited, lines } = open(undefined)
  const identity = { service: '/web' }
  const sampled = (count: number, from: number) => ({
    ...lines(identity, 1),
    leftOut: { count, time: [msToIso(from), msToIso(from + 1000)] as [string, string] },
  })
  await limited.append({ records: [sampled(9, someTime), lines({ service: '/db' }, 5)] })
  clock.set(someTime + 1000)
  await limited.append({ records: [sampled(4, someTime - 5000)] })
  t.is(passed(batches).length, 3, 'what is there passes')
  const [told, ...others] = changes(batches)
  t.is(others.length, 0)
  t.like(told, {
    'event.kind': 'drop',
    'event.action': 'left out',
    'service.name': '/web',
    'gap.lines': 13,
    'gap.last_read': msToIso(someTime - 5000),
  })
  t.regex(told?.message as string, /^left out 13 lines of \/web, from .*mesoscope\.sample/)
  const { values } = await metrics.dropped_lines_total.get()
  t.like(values[0], { value: 13, labels: { stage: 'collect', cause: 'sample' } })
})
