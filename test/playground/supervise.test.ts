import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import test from 'ava'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { apps, type App } from '../../playground/demo-apps.ts'
import { supervise, type Supervisor } from '../../playground/supervise.ts'
import { startVisitors } from '../../playground/visitors.ts'
import { processesWith, removeDir, tempDir, until } from './container-logs.ts'

const report = apps.find(({ id }) => id === '/batch/report') as App

function start(root: string, app: App): Supervisor {
  return supervise({
    apps: [app],
    root,
    rotation: { maxSize: 1_000_000, maxFile: 2 },
    restartAfterMs: 50,
    removeAfterMs: 300,
    seed: randomUUID(),
    clock: wallClock,
    log: silentLog,
    onReady: () => {},
    onExit: () => {},
  })
}

test('the folder of a container that ended is removed after a while, and its task forgotten', async (t) => {
  const root = await tempDir()
  const supervisor = start(root, { ...report, everyMs: 60_000 })
  const [task] = supervisor.tasks()
  await until('the end', () => supervisor.tasks()[0]?.exitCode !== undefined)
  t.deepEqual(readdirSync(root), [task?.container])
  await until('the removal', () => readdirSync(root).length === 0)
  t.deepEqual(supervisor.tasks(), [])
  await supervisor.close()
  await removeDir(root)
})

test('a program that ends at once is started again and again, each time as another task', async (t) => {
  const root = await tempDir()
  const { everyMs: _, ...service } = { ...report, service: 'no-such-service' }
  const supervisor = start(root, service)
  const seen = new Set<string>()
  await until('three tasks', () => {
    for (const { task } of supervisor.tasks()) seen.add(task)
    return seen.size >= 3
  })
  await supervisor.close()
  t.true(supervisor.tasks().every(({ exitCode }) => exitCode !== undefined))
  await removeDir(root)
})

test('where containers cannot be written it keeps trying until they can', async (t) => {
  const dir = await tempDir()
  const file = `${dir}/containers`
  writeFileSync(file, 'in the way')
  const { everyMs: _, ...service } = report
  const supervisor = start(file, service)
  t.deepEqual(supervisor.tasks(), [])
  rmSync(file)
  await until('a task', () => supervisor.tasks().length > 0)
  await supervisor.close()
  t.pass()
  await removeDir(dir)
})

test('a load generator that dies is started again', async (t) => {
  if (!existsSync('/proc/self/environ'))
    return t.pass('only Linux shows the environment of processes')
  const seed = randomUUID()
  const visitors = startVisitors({ seed, log: silentLog })
  const first = await until('it', async () => (await processesWith(seed))[0])
  process.kill(Number(first), 'SIGKILL')
  await until('the next one', async () => (await processesWith(seed)).some((pid) => pid !== first))
  await visitors.close()
  t.deepEqual(await processesWith(seed), [])
})
