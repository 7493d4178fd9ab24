import { closeSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { openLogFile, type OpenLog } from '../../collectors/rotated.ts'
import { tempDir } from '../helpers/pipeline.ts'

function textOf(t: ExecutionContext, opened: OpenLog | 'broken' | undefined): string {
  if (opened === undefined || opened === 'broken') return String(opened)
  t.teardown(() => closeSync(opened.fd))
  return readFileSync(opened.fd, 'utf8')
}

test('confined: neither links nor what is behind a folder that became one', async (t) => {
  const dir = await tempDir(t)
  const [inside, outside] = [join(dir, 'inside'), join(dir, 'outside')]
  for (const folder of [inside, outside]) {
    mkdirSync(folder)
    writeFileSync(join(folder, 'log'), `${folder}\n`)
  }
  symlinkSync(join(outside, 'log'), join(inside, 'link'))
  t.is(textOf(t, await openLogFile(join(inside, 'log'), true)), `${inside}\n`)
  t.is(await openLogFile(join(inside, 'link'), true), undefined)
  t.is(textOf(t, await openLogFile(join(inside, 'link'))), `${outside}\n`)
  renameSync(inside, join(dir, 'away'))
  symlinkSync(outside, inside)
  t.is(await openLogFile(join(inside, 'log'), true), undefined)
  t.is(textOf(t, await openLogFile(join(inside, 'log'))), `${outside}\n`)
})

test('a compressed file has the time of its writing; one that becomes too large is broken', async (t) => {
  const path = join(await tempDir(t), 'log.1.gz')
  const text = 'x'.repeat(100_000)
  writeFileSync(path, gzipSync(text))
  const opened = await openLogFile(path, true, 100_000)
  t.is(textOf(t, opened), text)
  t.true(Math.abs(((opened as OpenLog).writtenMs ?? 0) - Date.now()) < 60_000)
  t.is(await openLogFile(path, true, 99_999), 'broken')
  t.is(textOf(t, await openLogFile(path)), text)
})
