import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { openWatchHints } from '../../collectors/watch-hints.ts'
import { tempDir, until } from '../helpers/pipeline.ts'

test('tells of directories and files, no more than it may, and of none that is not watched', async (t) => {
  const dir = await tempDir(t)
  const hints = openWatchHints(2)
  t.teardown(() => hints.close())
  const told: string[] = []
  const watch = (path: string) => hints.watch(path, () => told.push(path))
  const [folder, file, third] = ['folder', 'file', 'third'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ]
  mkdirSync(folder)
  for (const path of [file, third]) writeFileSync(path, '')
  for (const path of [join(dir, 'nothing'), folder, folder, file, third]) watch(path)
  t.deepEqual(
    [folder, file, third].map((path) => hints.has(path)),
    [true, true, false],
  )
  mkdirSync(join(folder, 'new'))
  appendFileSync(file, 'x')
  await until('both are told', () => told.includes(folder) && told.includes(file))
  hints.unwatch(folder)
  watch(third)
  t.true(hints.has(third))
  const before = told.filter((path) => path === folder).length
  rmSync(join(folder, 'new'), { recursive: true })
  appendFileSync(third, 'x')
  await until('the third is told', () => told.includes(third))
  t.is(told.filter((path) => path === folder).length, before)
})
