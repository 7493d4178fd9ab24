import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { SimulationAnswer } from '../../pipeline/simulation.ts'
import { t0 } from '../autoscaling/app.ts'
import { openPast } from '../autoscaling/past.ts'
import { open } from '../dashboards/open.ts'
import { directory, leaveAddress, openTerminal } from './terminal.ts'

/** The terminal beside a Mesoscope that knows of a service that was raised from 2 to 7 and lowered again. */
async function past(t: ExecutionContext) {
  const { simulate } = await openPast(t)
  const { url } = await open(t, { simulate })
  const dir = directory(t)
  leaveAddress(dir, { url })
  const from = new Date(t0).toISOString()
  const { run } = openTerminal()
  return {
    dir,
    run: (...words: string[]) =>
      run('scale', 'simulate', 'web', '--from', from, '--utc', '--data', dir, ...words),
  }
}

test('scale simulate: the same is decided along what was recorded', async (t) => {
  const { run } = await past(t)
  const { out, err, code } = await run('--decisions')
  t.is(code, 0)
  t.regex(
    err,
    /^mesoscope: identical: (\d+) of \1 decisions, (\d+) of the \2 that were told, from 2026-11-22 18:00:00\.000Z to 2026-11-22 18:03:20\.000Z\n$/,
  )
  t.regex(out, /^TIME +OUTCOME +INSTANCES +REASON +DECISION\n.* held +2 +no-change/m)
  t.regex(out, /scaled +2 → 7 +scaled-up +scaled 2 → 7: requests 100\/s over 2 ready instances/)
  t.regex(
    out,
    /instances +2 to 7\nsaturated +0.167 min\ntask hours +0\.2\d*\nchanges +2\nturns +1\n/,
  )
})

test('scale simulate --policy: what another one would have done, drawn', async (t) => {
  const { dir, run } = await past(t)
  const file = join(dir, 'policy.yaml')
  writeFileSync(file, 'target: { requests: 7.5 }\nmax: 30\nstabilization: { down: 30s }\n')
  const { out, err, code } = await run('--policy', file, '--start-time', '5s')
  t.is(code, 0)
  t.is(
    err,
    'mesoscope: 21 evaluations from 2026-11-22 18:00:00.000Z to 2026-11-22 18:03:20.000Z: the policy does something else from 2026-11-22 18:00:00.000Z on; a new instance takes 5s\n',
  )
  const lines = out.split('\n')
  t.true(lines.findIndex((line) => line === '') <= 16)
  t.true(lines.every((line) => line.length <= 80))
  t.regex(out, /^ {7}14 +━+$/m)
  t.regex(out, /instances +2 to 7 +2 to 14\n/)
  const { simulated } = JSON.parse((await run('--policy', file, '--json')).out) as SimulationAnswer
  t.is(simulated.most, 14)
})

test('scale simulate: where a policy only says what is too little, nobody knows what an instance can take', async (t) => {
  const { dir, run } = await past(t)
  const file = join(dir, 'policy.yaml')
  writeFileSync(file, 'steps: [{ signal: requests, below: 5, remove: 1 }]\nmax: 30\n')
  t.regex((await run('--policy', file)).out, /^saturated +- +-$/m)
  const known = await run('--policy', file, '--capacity', 'requests=30')
  t.regex(known.out, /^saturated +[\d.]+ min +[\d.]+ min$/m)
  t.regex(known.out, /load: requests of all instances/)
})

const faulty: [string, string, RegExp][] = [
  [
    'a misspelt setting',
    'target: { requests: 7.5 }\nmaxx: 30\n',
    /yaml:2: maxx: is not a setting; did you mean max\?/,
  ],
  ['a wrong value', 'max: many\ntarget: { requests: 1 }\n', /yaml:1: max: .*, got "many"/],
  ['no YAML', 'max: [1\n', /yaml:\d: not YAML/],
  ['a list', '- max: 1\n', /yaml:1: expected a mapping, got a list/],
  [
    'another service',
    'service: /x\nmax: 3\ntarget: { requests: 1 }\n',
    /it is for \/x, not for \/shop\/web/,
  ],
  ['a signal that is not there', 'max: 3\ntarget: { cats: 1 }\n', /target cats=1 names no signal/],
  ['the environment', 'max: 3\ntarget: { requests: "${HOME}" }\n', /yaml:2: .*HOME/],
]

test('scale simulate: what is wrong with a policy is told with its place, and nothing is simulated', async (t) => {
  const { dir, run } = await past(t)
  const file = join(dir, 'policy.yaml')
  for (const [what, text, expected] of faulty) {
    writeFileSync(file, text)
    const { err, code, out } = await run('--policy', file)
    t.regex(err, expected, what)
    t.is(code, 2, what)
    t.is(out, '', what)
  }
  writeFileSync(file, '')
  t.regex((await run('--policy', file)).err, /yaml:1: max: is missing/, 'an empty file')
  t.is((await run('--policy', join(dir, 'none.yaml'))).code, 2)
  t.is((await run('--to', '2026-11-20T00:00:00Z')).code, 2, 'from is after to')
  t.is((await run('--from', '2026-11-22T18:20:00Z')).code, 1, 'nothing was recorded then')
})
