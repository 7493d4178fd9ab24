import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { SandboxRun } from '../../collectors/sandbox-folder.ts'
import { openSandboxTree } from '../../collectors/sandbox-tree.ts'
import { tempDir } from '../helpers/pipeline.ts'

async function open(t: ExecutionContext) {
  const workDir = await tempDir(t)
  const slaves = join(workDir, 'slaves')
  mkdirSync(slaves)
  let hints = 0
  const tree = openSandboxTree({ workDir, onHint: () => void hints++ })
  t.teardown(() => tree.close())
  const make = (path: string) => {
    mkdirSync(join(slaves, path), { recursive: true })
    return join(slaves, path)
  }
  return { workDir, slaves, tree, make, hints: () => hints }
}

const runPath = (executor: string, container: string, framework = 'F0') =>
  `S0/frameworks/${framework}/executors/${executor}/runs/${container}`
const paths = (runs: SandboxRun[]) => runs.map(({ path }) => path).toSorted()
/** Of the machine's own time, since it is compared with that of files. */
const now = () => Date.now()

test('runs are found with all their ids, links are not, and each comes and goes once', async (t) => {
  const { tree, make, slaves } = await open(t)
  const dir = make(runPath('web.1', 'c1'))
  symlinkSync(dir, join(dir, '..', 'latest'))
  make(`${runPath('pod', 'c2')}/containers/c3/containers/c4`)
  writeFileSync(join(slaves, 'S0', 'frameworks', 'F0', 'executors', 'file'), '')
  make('S0/frameworks/F0/executors/empty')
  const { found } = tree.look(now())
  const pod = runPath('pod', 'c2')
  t.deepEqual(paths(found), [
    pod,
    `${pod}/containers/c3`,
    `${pod}/containers/c3/containers/c4`,
    runPath('web.1', 'c1'),
  ])
  t.deepEqual(
    found.find(({ containerId }) => containerId === 'c4'),
    {
      path: `${pod}/containers/c3/containers/c4`,
      dir: join(slaves, `${pod}/containers/c3/containers/c4`),
      agentId: 'S0',
      frameworkId: 'F0',
      executorId: 'pod',
      containerId: 'c4',
      parents: ['c2', 'c3'],
    },
  )
  t.deepEqual(tree.look(now()), { found: [], gone: [] })
  rmSync(join(slaves, pod, 'containers', 'c3'), { recursive: true })
  t.deepEqual(paths(tree.look(now()).gone), [
    `${pod}/containers/c3`,
    `${pod}/containers/c3/containers/c4`,
  ])
  rmSync(join(slaves, 'S0'), { recursive: true })
  t.deepEqual(paths(tree.look(now()).gone), [pod, runPath('web.1', 'c1')])
  make(runPath('web.1', 'c1'))
  t.deepEqual(paths(tree.look(now()).found), [runPath('web.1', 'c1')])
})

test('among 5,000 old runs a look costs little, and what is new is found', async (t) => {
  const { tree, make, hints } = await open(t)
  const long = now() / 1000 - 86_400
  for (let n = 0; n < 5000; n++) {
    const dir = make(runPath(`old.${n}`, `c${n}`))
    for (const path of [dir, join(dir, '..')]) utimesSync(path, long, long)
  }
  const { found } = tree.look(now())
  t.is(found.length, 5000)
  // Of a third it is known that they are over.
  for (const [n, run] of found.entries()) tree.setState(run, n % 3 ? 'quiet' : 'over', now())
  tree.look(now())
  const times: number[] = []
  for (let n = 0; n < 20; n++) {
    const before = hints()
    make(runPath(`new.${n}`, 'c'))
    const began = performance.now()
    t.deepEqual(paths(tree.look(now()).found), [runPath(`new.${n}`, 'c')])
    times.push(performance.now() - began)
    while (hints() === before) await new Promise(setImmediate)
  }
  const [median] = times.toSorted((a, b) => a - b).slice(10)
  t.true((median as number) < 50, `${median} ms`)
})

test('an executor that was quiet for long runs again: it is found within a minute', async (t) => {
  const { tree, make, slaves } = await open(t)
  const dir = make(runPath('again', 'c1'))
  const long = now() / 1000 - 86_400
  for (const path of [dir, join(dir, '..')]) utimesSync(path, long, long)
  const [first] = tree.look(now()).found
  tree.setState(first as SandboxRun, 'over', now())
  tree.look(now())
  make(runPath('again', 'c2'))
  // Its folder has another time now, but nobody looks at it each time.
  t.deepEqual(paths(tree.look(now() + 61_000).found), [runPath('again', 'c2')])
  make(runPath('again', 'c3'))
  t.deepEqual(paths(tree.look(now() + 61_000).found), [runPath('again', 'c3')], 'now it is live')
  t.true(slaves.length > 0)
})

test('what came into a quiet run before its end was known is found at the end', async (t) => {
  const { tree, make } = await open(t)
  const pod = runPath('pod', 'c1')
  make(`${pod}/containers/c2`)
  const { found } = tree.look(now())
  for (const run of found) tree.setState(run, 'quiet', now())
  tree.look(now())
  make(`${pod}/containers/c3`)
  const top = found.find(({ containerId }) => containerId === 'c1') as SandboxRun
  tree.setState(top, 'over', now())
  t.deepEqual(paths(tree.look(now()).found), [`${pod}/containers/c3`])
})

test('a directory that cannot be listed is trouble; so is a name that is not UTF-8', async (t) => {
  const { tree, make, workDir, slaves } = await open(t)
  make(runPath('web.1', 'c1'))
  mkdirSync(Buffer.concat([Buffer.from(`${slaves}/S0/frameworks/F0/executors/`), Buffer.of(0xff)]))
  tree.look(now())
  t.regex(tree.trouble() ?? '', /executors\/\ufffd is not read: its name is not UTF-8/)
  rmSync(slaves, { recursive: true })
  t.throws(() => tree.look(now()), { message: `${workDir}/slaves cannot be listed (ENOENT)` })
})
