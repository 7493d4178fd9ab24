import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type ExecutionContext } from 'ava'
import { isRetryable, Trouble } from '../../pipeline/errors.ts'
import { explained, openDatabase, openForReading, transaction } from '../../pipeline/sqlite.ts'

function open(t: ExecutionContext) {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-sqlite-'))
  const file = join(dir, 'deep', 'test.db')
  const db = openDatabase(file, 'CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, body BLOB)')
  t.teardown(() => {
    if (db.isOpen) db.close()
    rmSync(dir, { recursive: true, force: true })
  })
  const count = () => Number(db.prepare('SELECT count(*) AS n FROM t').get()?.['n'])
  const insert = (n: number, bytes = 10) =>
    db.prepare('INSERT INTO t VALUES (?, ?)').run(n, Buffer.alloc(bytes))
  return { dir, file, db, count, insert }
}

test('a transaction is carried out whole or not at all', (t) => {
  const { db, file, count, insert } = open(t)
  t.is(
    transaction(db, file, () => {
      insert(1)
      insert(2)
      return 'done'
    }),
    'done',
  )
  const work = () =>
    transaction(db, file, () => {
      insert(3)
      throw new RangeError('a defect')
    })
  t.throws(work, { instanceOf: RangeError, message: 'a defect' })
  t.is(count(), 2)
  t.false(db.isTransaction)
})

test('a full disk is told with the remedy, is to be tried again, and then goes on', (t) => {
  const { db, file, count, insert } = open(t)
  transaction(db, file, () => insert(1))
  db.exec('PRAGMA max_page_count = 12')
  const work = () =>
    transaction(db, file, () => {
      insert(2)
      insert(3, 500_000)
    })
  const error = t.throws(work, { instanceOf: Trouble })
  t.is(error.message, `no space left for ${file}`)
  t.regex(error.remedy ?? '', /free disk space/)
  t.true(isRetryable(error))
  t.is(count(), 1, 'nothing of it was done')
  db.exec('PRAGMA max_page_count = 100000')
  work()
  t.is(count(), 3)
})

test('what was committed is seen by a reader beside the writer, who cannot write', (t) => {
  const { db, file, insert } = open(t)
  const reader = openForReading(file)
  transaction(db, file, () => insert(1))
  t.is(Number(reader.prepare('SELECT count(*) AS n FROM t').get()?.['n']), 1)
  const error = t.throws(() => explained(file, () => reader.exec('DELETE FROM t')), {
    instanceOf: Trouble,
  })
  t.is(error.message, `cannot write ${file}`)
  reader.close()
})

test('a database that another has locked is to be tried again', (t) => {
  const { db, file, insert } = open(t)
  db.exec('PRAGMA busy_timeout = 0')
  const other = new DatabaseSync(file)
  other.exec('BEGIN IMMEDIATE')
  const error = t.throws(() => transaction(db, file, () => insert(1)), { instanceOf: Trouble })
  t.true(isRetryable(error))
  t.true(error.message.startsWith(file))
  other.exec('ROLLBACK')
  other.close()
  transaction(db, file, () => insert(1))
})

test('a file that is no database is told as damaged, with what to do', (t) => {
  const { dir } = open(t)
  const file = join(dir, 'text.db')
  writeFileSync(file, 'this is no database, and long enough to be one: '.repeat(100))
  const error = t.throws(() => openDatabase(file, 'CREATE TABLE t (n)'), { instanceOf: Trouble })
  t.is(error.message, `${file} is damaged`)
  t.truthy(error.remedy)
  t.false(isRetryable(error))
})

test('a file that cannot be opened is named', (t) => {
  const { dir, file } = open(t)
  for (const [act, at] of [
    [() => openForReading(join(dir, 'none.db')), 'none.db'],
    [() => openDatabase(join(file, 'below.db'), ''), 'below.db'],
    [() => openDatabase(dir, ''), dir],
  ] as const) {
    const error = t.throws(act, { instanceOf: Trouble })
    t.true(error.message.includes(at), error.message)
    t.truthy(error.remedy)
  }
})

test('what is no failure of SQLite or the disk passes as it is', (t) => {
  const defect = new TypeError('a defect')
  const thrown = t.throws(() =>
    explained('x.db', () => {
      throw defect
    }),
  )
  t.is(thrown, defect)
  const trouble = new Trouble('told already')
  t.is(
    t.throws(() =>
      explained('x.db', () => {
        throw trouble
      }),
    ),
    trouble,
  )
})
