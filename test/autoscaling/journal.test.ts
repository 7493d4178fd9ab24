import { randomUUID } from 'node:crypto'
import test from 'ava'
import {
  decodePage,
  encodePages,
  markAt,
  packMarks,
  type JournalEntry,
} from '../../autoscaling/journal.ts'
import { openJournal } from '../../autoscaling/journal-writer.ts'
import { openTurns } from '../../autoscaling/journal-reader.ts'
import { appOf, evaluate, marathon, second, t0, task, total } from './app.ts'

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
