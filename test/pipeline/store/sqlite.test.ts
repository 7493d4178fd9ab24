import { keepFrom } from '../../../pipeline/store/retention.ts'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type ExecutionContext } from 'ava'
import { isRetryable, Trouble } from '../../../pipeline/errors.ts'
import type { LogHead } from '../../../pipeline/record.ts'
import { openSqliteStore, openSqliteStoreForReading } from '../../../pipeline/store/sqlite.ts'
import { dayMs, messages, noon, openSource } from '../../contracts/lines.ts'
import { storeContract } from '../../contracts/store.ts'
import { searchAll } from '../../contracts/store-subject.ts'
import { rejection, until } from '../../contracts/suite.ts'
import { startChild } from '../child.ts'
import { openSqliteSubject } from './sqlite-subject.ts'

storeContract(test.serial, openSqliteSubject)

async function openSubject(t: ExecutionContext) {
  const subject = await openSqliteSubject()
  t.teardown(subject.clean)
  return subject
}

async function emptyDirectory(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-store-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const all = { order: 'asc', limit: 1000 } as const

test.serial('another process reads beside the owner, and after it was killed', async (t) => {
  const dir = await emptyDirectory(t)
  const reader = openSqliteStoreForReading({ dir: join(dir, 'store') })
  t.teardown(() => reader.close())
  t.deepEqual(await reader.search({}), { hits: [] }, 'before there is anything')
  const child = startChild(t, 'store/writing.ts', [join(dir, 'store')])
  for (let round = 0, before = 0; round < 20; round++) {
    await child.waitFor(round * 3 + 1)
    const stored = (child.last() + 1) * 10
    const { total } = await reader.histogram({}, dayMs)
    t.true(total >= stored && total >= before, `${total} of ${stored}`)
    t.is(total % 10, 0, 'a record is there whole or not at all')
    before = total
  }
  await child.kill()
  const { total } = await reader.histogram({}, dayMs)
  t.true(total >= (child.last() + 1) * 10)
  t.deepEqual((await reader.audit({})).gaps, [])
})

test.serial(
  'killed in the midst of writing, the store has what it acknowledged, and no line twice',
  async (t) => {
    const dir = await emptyDirectory(t)
    for (let round = 0; round < 3; round++) {
      const child = startChild(t, 'store/writing.ts', [dir])
      await child.waitFor(20)
      await child.kill()
      const store = openSqliteStore({ dir })
      const hits = await searchAll(store, { ...all })
      t.true(hits.length >= (child.last() + 1) * 10)
      t.is(new Set(hits.map((doc) => doc['event.id'])).size, hits.length)
      t.deepEqual((await store.audit({})).gaps, [])
      await store.close()
    }
  },
)

test.serial('a day file that was only begun holds nothing up', async (t) => {
  const { store, dir } = await openSubject(t)
  await store.appendLogs([openSource('c1:o', { service: 'web' }).tick(3)])
  await writeFile(join(dir, '2026-11-21.db'), '')
  const begun = new DatabaseSync(join(dir, '2026-11-23.db'))
  begun.exec(
    'PRAGMA journal_mode = WAL; CREATE TABLE identities (id INTEGER PRIMARY KEY, json TEXT UNIQUE)',
  )
  begun.close()
  t.is((await store.search({})).hits.length, 3)
  t.is((await store.services({})).length, 1)
  const late = openSource('c2:o', { service: 'web' }).tick(3, noon + dayMs)
  t.is((await store.appendLogs([late])).stored, 3)
  t.is((await store.search({})).hits.length, 6)
})

test.serial(
  'a damaged day is named with what to do; questions about other days are answered',
  async (t) => {
    const { store, dir } = await openSubject(t)
    await store.appendLogs([openSource('c1:o', { service: 'web' }).tick(3)])
    await writeFile(
      join(dir, '2026-11-20.db'),
      'this is no database, and long enough to be one: '.repeat(100),
    )
    const error = await rejection(t, store.search({}))
    t.true(error instanceof Trouble)
    t.regex(error.message, /2026-11-20\.db is damaged/)
    t.truthy((error as Trouble).remedy)
    t.is((await store.search({ from: noon })).hits.length, 3)
  },
)

const lies: [title: string, lie: Partial<LogHead>][] = [
  ['more lines than it holds', { count: 4, sequence: [0, 3] }],
  ['fewer lines than it holds', { count: 2, sequence: [0, 1] }],
  ['a count that is not that of its sequences', { count: 2 }],
  [
    'times that its lines do not have',
    { time: ['2026-11-22T12:00:00.000000000Z', '2026-11-22T12:00:00.000000000Z'] },
  ],
  [
    'times that run backwards',
    { time: ['2026-11-22T13:00:00.000000000Z', '2026-11-22T12:00:00.000000000Z'] },
  ],
  ['a path for a time', { time: ['../../../mesoscope-outside', '../../../mesoscope-outside'] }],
  ['no source', { source: '' }],
  ['no identity', { identity: null as never }],
]
for (const [title, lie] of lies) {
  test.serial(
    `a record whose head tells of ${title} is refused, its neighbours are stored`,
    async (t) => {
      const { store, dir } = await openSubject(t)
      const source = openSource('c1:o', { service: 'web' })
      const { head, body } = source.tick(3)
      const result = await store.appendLogs([
        { head: { ...head, ...lie }, body },
        openSource('c2:o', { service: 'web' }).tick(3),
      ])
      t.is(result.stored, 3)
      t.is(result.rejected.length, 1)
      t.deepEqual(
        await readdir(join(dir, '..')).then((names) => names.includes('mesoscope-outside')),
        false,
      )
    },
  )
}

test.serial('what a kill in the midst of retention has left goes with the next one', async (t) => {
  const { store, dir } = await openSubject(t)
  for (const name of ['2026-11-01.db-wal', '2026-11-01.db-shm', 'notes.txt']) {
    await writeFile(join(dir, name), 'left')
  }
  await store.appendLogs([openSource('c1:o', { service: 'web' }).tick(3)])
  t.deepEqual(await store.retain(keepFrom('2026-11-22')), [])
  const left = (await readdir(dir)).filter((name) => !name.startsWith('2026-11-22'))
  t.deepEqual(left, ['notes.txt'])
  t.is((await store.search({})).hits.length, 3)
})

test.serial(
  'what is kept no longer gives its room back, and words are found as before',
  async (t) => {
    const { store, dir } = await openSubject(t)
    const text = (n: number) =>
      Array.from({ length: 40 }, (_, i) => `w${(n * 7919 + i * 104729) % 99991}`)
    const written = ['brief', undefined].map((retention, i) => {
      const identity = { service: `/s${i}`, ...(retention ? { retention } : {}) }
      const source = openSource(`c${i}:o`, identity)
      const lines = i === 0 ? 20_000 : 300
      const messages = Array.from({ length: lines }, (_, n) => ({ message: text(n + i).join(' ') }))
      return Array.from({ length: lines / 100 }, (_, n) =>
        source.write(...messages.slice(n * 100, n * 100 + 100)),
      )
    })
    await store.appendLogs(written.flat())
    const file = join(dir, '2026-11-22.db')
    const size = async () => (await stat(file)).size
    const words = text(200).slice(0, 2).join(' AND ')
    const found = async () => (await store.search({ services: ['/s1'], query: words })).hits
    const before = await found()
    t.is(before.length, 1)
    const { default: keep } = keepFrom('2026-11-22')
    await store.retain({ default: keep, brief: { ...keep, logs: '2026-11-23' } })
    // The reader holds what it last saw.
    t.deepEqual(await found(), before)
    t.is((await store.search({ query: words })).hits.length, 1)
    await store.close()
    t.true((await size()) < 1_500_000, `${await size()} bytes are left`)
  },
)

test.serial('another process that had a deleted day open sees the new one', async (t) => {
  const { store, dir } = await openSubject(t)
  const reader = openSqliteStoreForReading({ dir })
  t.teardown(() => reader.close())
  const source = openSource('c1:o', { service: 'web' })
  await store.appendLogs([source.tick(3)])
  t.is((await reader.search({})).hits.length, 3)
  await store.retain(keepFrom('2026-11-23'))
  await store.appendLogs([source.tick(2, noon + 5000)])
  t.deepEqual(messages((await reader.search({ order: 'asc' })).hits), ['c1:o 3', 'c1:o 4'])
})

test.serial('a directory that cannot be made is named', async (t) => {
  const dir = await emptyDirectory(t)
  await writeFile(join(dir, 'file'), '')
  const error = t.throws(() => openSqliteStore({ dir: join(dir, 'file', 'store') }))
  t.true(error instanceof Trouble, error.message)
  t.regex(error.message, /file/)
})

/** A file system of one MiB, which only root can make. */
async function tinyDisk(t: ExecutionContext): Promise<string | undefined> {
  const dir = join(await emptyDirectory(t), 'disk')
  await mkdir(dir)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', dir], { stdio: 'pipe' })
  } catch (error) {
    t.log(
      `not run, no file system could be mounted: ${(error as Error).message.split('\n')[0] ?? ''}`,
    )
    return undefined
  }
  t.teardown(() => void execFileSync('umount', ['-l', dir]))
  return dir
}

test.serial(
  'a full disk is told, loses nothing, and work goes on when there is room again',
  async (t) => {
    const dir = await tinyDisk(t)
    if (!dir) return t.pass()
    const ballast = join(dir, 'ballast')
    await writeFile(ballast, Buffer.alloc(1_600_000))
    const store = openSqliteStore({ dir: join(dir, 'store') })
    const sources = Array.from({ length: 400 }, (_, i) => openSource(`c${i}:o`))
    const noise = () =>
      Array.from({ length: 40 }, () => Math.random().toString(36).slice(2)).join(' ')
    let stored = 0
    let refusal: Error | undefined
    for (const source of sources) {
      const record = source.write(...Array.from({ length: 10 }, () => ({ message: noise() })))
      refusal = await store.appendLogs([record]).then(
        () => undefined,
        (error: unknown) => error as Error,
      )
      if (refusal) {
        t.true(isRetryable(refusal), refusal.message)
        t.regex(refusal.message, /^no space left for .*2026-11-22\.db$/)
        t.truthy((refusal as Trouble).remedy)
        t.is((await store.histogram({}, dayMs)).total, stored, 'what is there can be read')
        await rm(ballast)
        await until('room', () => !existsSync(ballast))
        t.is((await store.appendLogs([record])).stored, 10)
        const identity = { service: 'web' }
        t.is(
          await store.patchIdentity([{ source: source.name, identity }]),
          10,
          'with its identity',
        )
        stored += 10
        break
      }
      stored += 10
    }
    t.truthy(refusal, 'the disk became full')
    t.is((await store.histogram({}, dayMs)).total, stored)
    await store.close()
  },
)
