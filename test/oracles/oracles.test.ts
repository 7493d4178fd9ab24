import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { TimeInterval } from '../../alerting/stages/time-intervals.ts'
import { tempDir } from '../helpers/pipeline.ts'
import { sharedDir } from '../helpers/shared.ts'
import { miscounted } from './alertmanager.ts'
import { hasFailed, replayDirectory } from './directory.ts'

const dir = sharedDir()
const withShared = dir === undefined ? test.skip : test
const program = fileURLToPath(new URL('run.ts', import.meta.url))

function replayAll(t: ExecutionContext, path: string): number {
  let count = 0
  for (const { name, outcomes } of replayDirectory(path)) {
    const failed = outcomes.filter(hasFailed)
    t.deepEqual(failed.slice(0, 3), [], `${name}: ${failed.length} of ${outcomes.length}`)
    count += outcomes.length
  }
  return count
}

test('the cases that are copied here', (t) => {
  t.is(
    replayAll(t, fileURLToPath(new URL('../fixtures/oracles', import.meta.url))),
    60 + 112 + 30 + 161,
  )
})

withShared('the shared oracles (skipped where they are not there)', (t) => {
  t.is(replayAll(t, join(dir as string, 'oracles')), 999)
})

test('days are no measure in a month that loses an hour, and only then', (t) => {
  const inParis = { daysOfMonth: [{ begin: -1, end: -1 }], location: 'Europe/Paris' }
  const of = (interval: TimeInterval, time: string) => miscounted(interval, Date.parse(time))
  t.true(of(inParis, '2024-02-29T23:30Z'), 'there it is March')
  t.true(of({ ...inParis, location: 'Australia/Sydney' }, '2024-10-31T12:00Z'))
  t.true(of({ ...inParis, location: 'Australia/Sydney' }, '2023-10-31T12:00Z'), 'on the first day')
  t.false(of(inParis, '2024-10-31T12:00Z'))
  t.false(of(inParis, '2024-03-31T22:30Z'), 'there it is April')
  t.false(of({ location: 'Europe/Paris' }, '2024-03-31T12:00Z'))
})

const step = (t: number, state: string) => ({
  t,
  vector: [{ labels: { host: 'a' }, value: 1 }],
  alerts: [{ labels: { alertname: 'A', host: 'a' }, state, activeAt: 0 }],
})
const rule = { alert: 'A', expr: 'm > 0', for: 15 }

test('npm run oracles: each difference, the count last, and how it went as exit code', async (t) => {
  const dir = await tempDir(t)
  const run = (...args: string[]) => spawnSync(process.execPath, [program, ...args])
  t.is(run().status, 2)
  t.is(run(dir).status, 1, 'nothing was replayed')
  mkdirSync(join(dir, 'prometheus'))
  const write = (cases: unknown[]) =>
    writeFileSync(join(dir, 'prometheus', 'alert-timelines.json'), JSON.stringify({ cases }))
  const right = { id: 'right', rule, steps: [step(0, 'pending'), step(15, 'firing')] }
  write([right])
  const good = run(dir)
  t.is(good.status, 0)
  t.regex(good.stdout.toString(), /\n1 passed, 0 failed\n$/)
  write([right, { id: 'wrong', rule, steps: [step(0, 'firing')] }, { id: 'odd' }])
  const bad = run(dir)
  t.is(bad.status, 1)
  t.regex(bad.stdout.toString(), /wrong: at 0 s: wanted .*"firing".*, got .*"pending"/)
  t.regex(bad.stdout.toString(), /odd: it cannot be replayed: /)
  t.regex(bad.stdout.toString(), /\n1 passed, 2 failed\n$/)
})
