import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { tidyAgent } from '../../playground/leftovers.ts'
import { removeDir, tempDir } from './container-logs.ts'

const id = (n: number) => n.toString(16).padStart(64, '0')

function leave(dir: string, secondsAgo: number, content?: string): void {
  mkdirSync(dir, { recursive: true })
  if (content !== undefined) writeFileSync(join(dir, 'config.v2.json'), content)
  const at = wallClock.now() / 1000 - secondsAgo
  utimesSync(dir, at, at)
}

const runs = JSON.stringify({ State: { Running: true, Pid: 7, ExitCode: 0 }, ID: 'x' })

test('of what earlier starts left the ten newest containers stay, marked as ended, and the last sandboxes', async (t) => {
  const dir = await tempDir()
  t.teardown(() => removeDir(dir))
  const containers = join(dir, 'docker', 'containers')
  for (let n = 0; n < 13; n++) leave(join(containers, id(n)), n + 1, n === 3 ? '{"Sta' : runs)
  for (const [name, age] of [
    ['older-S0', 9],
    ['last-S0', 5],
    ['oldest-S0', 11],
  ] as const) {
    leave(join(dir, 'mesos', 'slaves', name), age)
  }
  leave(join(dir, 'mesos', 'volumes', 'roles'), 1)

  await tidyAgent({ dir, clock: wallClock, log: silentLog })
  const kept = readdirSync(containers).toSorted()
  t.deepEqual(
    kept,
    Array.from({ length: 10 }, (_, n) => id(n)),
  )
  for (const one of kept.filter((name) => name !== id(3))) {
    const config = JSON.parse(readFileSync(join(containers, one, 'config.v2.json'), 'utf8')) as {
      State: object
    }
    t.like(config.State, { Running: false, Pid: 0, ExitCode: 255 })
  }
  t.deepEqual(readdirSync(join(dir, 'mesos', 'slaves')), ['last-S0'])
  t.false(existsSync(join(dir, 'mesos', 'volumes')))
})

test('where nothing was left there is nothing to tidy', async (t) => {
  const dir = await tempDir()
  t.teardown(() => removeDir(dir))
  await t.notThrowsAsync(tidyAgent({ dir: join(dir, 'none'), clock: wallClock, log: silentLog }))
})
