import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Trouble } from '../../pipeline/errors.ts'
import { ownDirectory, runningProcess, writeProcessFile } from '../../pipeline/owner.ts'
import { startChild } from './child.ts'

function emptyDirectory(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-owner-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function refusal(t: ExecutionContext, dir: string): Trouble {
  const error = t.throws(() => ownDirectory(dir), { instanceOf: Trouble })
  t.truthy(error.remedy)
  return error
}

test('a directory is made, owned, released and owned again', (t) => {
  const dir = join(emptyDirectory(t), 'deep', 'data')
  for (let round = 0; round < 2; round++) {
    const owner = ownDirectory(dir)
    t.is(runningProcess(dir)?.pid, process.pid)
    owner.release()
    owner.release()
  }
  t.is(statSync(dir).mode & 0o077, 0, 'others cannot look inside')
  t.is(readFileSync(join(dir, 'version'), 'utf8'), '1\n')
})

test('a second owner is refused, and told the process that has it', async (t) => {
  const dir = emptyDirectory(t)
  const child = startChild(t, 'owning.ts', [dir])
  await child.waitFor(1)
  t.deepEqual(child.lines, ['owned'])
  const { message, remedy } = refusal(t, dir)
  t.is(message, `${dir} is in use by another mesoscope (process ${child.pid})`)
  t.regex(remedy ?? '', /--data/)
})

test('also within one process', (t) => {
  const dir = emptyDirectory(t)
  const owner = ownDirectory(dir)
  t.regex(refusal(t, dir).message, new RegExp(`process ${process.pid}`))
  owner.release()
  ownDirectory(dir).release()
})

test('the lock is free after kill -9, and the address of the killed is forgotten', async (t) => {
  const dir = emptyDirectory(t)
  const child = startChild(t, 'owning.ts', [dir])
  await child.waitFor(1)
  writeProcessFile(dir, { pid: child.pid ?? 0, url: 'http://127.0.0.1:1', token: 'secret' })
  t.is(runningProcess(dir)?.url, 'http://127.0.0.1:1')
  await child.kill()
  const owner = ownDirectory(dir)
  t.deepEqual(runningProcess(dir), { pid: process.pid })
  owner.release()
})

const versions: [content: string, refused: RegExp | undefined][] = [
  ['1\n', undefined],
  ['', undefined],
  ['0\n', undefined],
  ['2\n', /newer version of mesoscope \(data version 2, this one reads 1\)/],
  ['100', /data version 100/],
  ['nonsense', /version does not hold a data version/],
  ['1.5', /version does not hold a data version/],
]
for (const [content, refused] of versions) {
  test(`a directory with the version ${JSON.stringify(content)} is ${refused ? 'refused' : 'used'}`, (t) => {
    const dir = emptyDirectory(t)
    writeFileSync(join(dir, 'version'), content)
    if (!refused) {
      ownDirectory(dir).release()
      t.is(readFileSync(join(dir, 'version'), 'utf8'), '1\n')
      return
    }
    t.regex(refusal(t, dir).message, refused)
    t.is(readFileSync(join(dir, 'version'), 'utf8'), content, 'nothing was changed')
  })
}

test('a file in place of the directory is told', (t) => {
  const file = join(emptyDirectory(t), 'file')
  writeFileSync(file, '')
  t.regex(refusal(t, file).message, /cannot use .*file as the data directory/)
  t.regex(refusal(t, join(file, 'below')).message, /cannot use .*below as the data directory/)
})

test('a lock that is no database is told by its name, not as another process', (t) => {
  const dir = emptyDirectory(t)
  writeFileSync(
    join(dir, 'owner.lock'),
    'this is no database, and long enough to be one: '.repeat(100),
  )
  const { message } = refusal(t, dir)
  t.regex(message, /owner\.lock/)
  t.notRegex(message, /in use/)
})

test('a directory that this user cannot write is refused with the remedy', async (t) => {
  const dir = emptyDirectory(t)
  chmodSync(dir, 0o555)
  t.teardown(() => chmodSync(dir, 0o755))
  // Root may write everywhere: then another user has to try.
  const isRoot = process.getuid?.() === 0
  const child = startChild(t, 'owning.ts', [dir], isRoot ? { uid: 65_534 } : {})
  await child.ended
  t.regex(
    child.lines[0] ?? child.errors(),
    /^cannot use .* as the data directory: EACCES: make it writable/,
  )
})

test('what the owner wrote of itself is read as far as it is whole', (t) => {
  const dir = emptyDirectory(t)
  t.is(runningProcess(dir), undefined)
  for (const content of ['', '{', 'null', '[]', '{"url":"http://x"}', '{"pid":"12"}']) {
    writeFileSync(join(dir, 'process.json'), content)
    t.is(runningProcess(dir), undefined, content)
  }
  rmSync(join(dir, 'process.json'))
  writeProcessFile(dir, { pid: 12, url: 'http://127.0.0.1:8080', token: 'secret' })
  t.deepEqual(runningProcess(dir), { pid: 12, url: 'http://127.0.0.1:8080', token: 'secret' })
  t.is(statSync(join(dir, 'process.json')).mode & 0o077, 0, 'the token is for this user alone')
})
