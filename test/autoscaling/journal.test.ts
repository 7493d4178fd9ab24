import { randomUUID } from 'node:crypto'
import test from 'ava'
import type { Given } from '../../autoscaling/decide.ts'
import {
  decodePage,
  encodePages,
  markAt,
  packMarks,
  type JournalEntry,
} from '../../autoscaling/journal.ts'
import { openJournal } from '../../autoscaling/journal-writer.ts'
import { openTurns } from '../../autoscaling/journal-reader.ts'
import { openReplay } from '../../autoscaling/replay.ts'
import type { ServiceState } from '../../pipeline/service-state.ts'
import { appOf, evaluate, marathon, minute, second, service, t0, task, total } from './app.ts'

const gone = (service: string): JournalEntry => ({ kind: 'gone', service })
const begin: JournalEntry = {
  kind: 'begin',
  cause: 'start',
  nowMs: t0,
  settings: { intervalMs: second, dryRun: false, labels: true, policies: [] },
  signals: {},
  grid: { offset: 0 },
}
const pageOf = (reign: string, page: number, ...entries: JournalEntry[]) =>
  encodePages(reign, page, entries)[0] ?? { value: new Uint8Array(0) }

test('a page that was written twice is read once, and what a deposed process writes is not', (t) => {
  const take = openTurns()
  const read = (page: { value: Uint8Array }) => {
    const taken = take(page)
    return taken && [taken.isAnew, ...taken.entries.map(({ kind }) => kind)]
  }
  t.is(read(pageOf('a', 7, gone('/x'))), undefined, 'nothing is known yet')
  t.deepEqual(read(pageOf('a', 8, gone('/x'), begin, gone('/y'))), [true, 'begin', 'gone'])
  t.deepEqual(read(pageOf('a', 9, gone('/x'))), [false, 'gone'])
  t.is(read(pageOf('a', 9, gone('/x'))), undefined, 'twice')
  t.deepEqual(read(pageOf('b', 0, begin)), [true, 'begin'])
  t.is(read(pageOf('a', 10, gone('/x'))), undefined, 'deposed')
  t.deepEqual(read(pageOf('b', 1, gone('/x'))), [false, 'gone'])
  t.is(read(pageOf('b', 3, gone('/x'))), undefined, 'one is missing')
  t.is(read(pageOf('b', 4, gone('/x'))), undefined)
  t.deepEqual(read(pageOf('b', 5, { ...begin, cause: 'hour' })), [true, 'begin'])
  t.is(read({ value: Buffer.from('no page') }), undefined)
  t.is(read(pageOf('b', 6, gone('/x'))), undefined, 'behind one that was not understood')
})

test('what a deposed process writes where a reader begins does not keep it from the others', (t) => {
  const take = openTurns()
  t.is(take(pageOf('a', 7, gone('/x'))), undefined, 'deposed, and nothing is known yet')
  t.is(take(pageOf('b', 1, gone('/x'))), undefined)
  t.deepEqual(take(pageOf('b', 2, { ...begin, cause: 'hour' }))?.isAnew, true)
  t.deepEqual(take(pageOf('b', 3, gone('/x')))?.entries.length, 1)
})

test('what ended as everything was told again has ended for who reads on', (t) => {
  const settings = { intervalMs: second, dryRun: false, labels: true, policies: [] }
  const journal = openJournal({ settings, signals: {} })
  const replay = openReplay({ service, partitions: () => 1 })
  const pause = { id: 'p', service, direction: 'both', by: 'ana', reason: 'x' } as const
  const paused = { pauses: [{ ...pause, fromMs: t0, untilMs: t0 + 48 * 60 * minute }] }
  const sceneAt = (nowMs: number, given: Given, services: ServiceState[]) => {
    journal.found({
      nowMs,
      services,
      marathons: [marathon],
      given: new Map([[service, given]]),
      memories: () => [],
      gridStart: () => ({ grid: { offset: 0 }, seen: [] }),
    })
    const unmeasured = 'was never measured'
    journal.evaluated({ ts: nowMs, nowMs, offset: 0, unmeasured, busy: [], decisions: new Map() })
    const entries = journal.take().flatMap((record) => decodePage(record)?.entries ?? [])
    return entries.map(replay.take).at(-1)?.scene
  }
  const first = sceneAt(t0, paused, [appOf(2)])
  t.deepEqual([first?.pauses?.length, first?.state?.instances], [1, 2])
  const hourLater = sceneAt(t0 + 60 * minute, {}, [])
  t.deepEqual([hourLater?.pauses, hourLater?.state], [undefined, undefined])
})

test('what is too large for one page goes on in the next', (t) => {
  const entries = Array.from({ length: 40 }, (_, i) => gone(`/${i}${'x'.repeat(50_000)}`))
  const pages = encodePages('a', 3, entries).map(decodePage)
  t.true(pages.length > 3)
  t.deepEqual(
    pages.map((page) => page?.page),
    pages.map((_, i) => 3 + i),
  )
  t.deepEqual(
    pages.flatMap((page) => page?.entries ?? []),
    entries,
  )
})

test('marks are kept in their order', (t) => {
  const marks = packMarks([1, -2, 2 ** 31 - 1])
  t.deepEqual(
    [0, 1, 2, 3, -1].map((index) => markAt(marks, index)),
    [1, -2, 2 ** 31 - 1, undefined, undefined],
  )
})

/** Evaluations of so many services, each with a policy and four tasks. */
function bytesOf(count: number, evaluations: number) {
  const settings = { intervalMs: 5 * second, dryRun: false, labels: true, policies: [] }
  const journal = openJournal({ settings, signals: {} })
  const services = Array.from({ length: count }, (_, i) => {
    const tasks = Array.from({ length: 4 }, () => task(`shop_web-${i}.${randomUUID()}`))
    return appOf(4, { service: `/shop/web-${i}`, tasks })
  })
  const sizes: number[] = []
  for (let i = 0; i < evaluations; i++) {
    const nowMs = t0 + i * 5 * second
    const found = { nowMs, services, marathons: [{ ...marathon, atMs: nowMs }], given: new Map() }
    journal.found({
      ...found,
      memories: () => [],
      gridStart: () => ({ grid: { offset: 0 }, seen: [] }),
    })
    const decisions = new Map(
      services.map(({ service }, n) => {
        const signals = { requests: total(50 + ((i * 7919 + n * 104_729) % 9973) / 500) }
        return [service, evaluate({ policy: { service }, signals, state: appOf(4) }).decision]
      }),
    )
    journal.evaluated({ ts: nowMs, nowMs, offset: i * 9, busy: [], decisions })
    sizes.push(journal.take().reduce((sum, { value }) => sum + value.length, 0))
  }
  return sizes
}

test('while nothing changes an evaluation of 200 services takes little', (t) => {
  const [first = 0, ...calm] = bytesOf(200, 10)
  const mean = calm.reduce((sum, size) => sum + size, 0) / calm.length
  t.log(`everything ${first} bytes, then ${mean} bytes each`)
  t.true(mean < 1500, `${mean}`)
  t.true(first < 50_000, `${first}`)
})
