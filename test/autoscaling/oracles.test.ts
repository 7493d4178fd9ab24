import test from 'ava'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sharedDir } from '../helpers/shared.ts'
import { checkTimelines, checkUpstream, functions, type OracleResult } from './hpa/oracles.ts'
import type { OracleCase, Timeline } from './hpa/oracle-shapes.ts'

const fixtures = fileURLToPath(new URL('../fixtures/oracles/hpa', import.meta.url))

function casesOf<Case>(file: string): Case[] {
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] }
  return cases
}

function sentences({ differences }: OracleResult): string[] {
  return differences.map(({ id, test: name, expected, actual }) => {
    return `${id} ${name}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`
  })
}

test("each recorded call of Kubernetes' autoscaler gives the same here", (t) => {
  const cases = casesOf<OracleCase>(join(fixtures, 'upstream-tests.json'))
  t.is(cases.length, 112)
  const result = checkUpstream(cases)
  t.deepEqual(result.unknown, [], 'every function is there')
  t.deepEqual(sentences(result), [])
  const seen = new Set(cases.map((one) => one.function))
  t.deepEqual([...seen].toSorted(), Object.keys(functions).toSorted(), 'each is tried')
})

test('a wrong expectation is found', (t) => {
  const cases = casesOf<OracleCase>(join(fixtures, 'upstream-tests.json'))
  const wrong = cases.map((one) => ({ ...one, expected: { ...one.expected, replicas: -1 } }))
  t.is(checkUpstream(wrong).differences.length, 112 - 1, 'all but the one that expects an error')
})

const timelines = join(sharedDir() ?? '', 'oracles/hpa/timelines.json')
const onTimelines = existsSync(timelines) ? test : test.skip

onTimelines('50 timelines of a closed loop have the same replicas at each of their steps', (t) => {
  const cases = casesOf<Timeline>(timelines)
  t.is(cases.length, 50)
  t.deepEqual(sentences(checkTimelines(cases)), [])
  t.is(
    cases.reduce((sum, { steps }) => sum + steps.length, 0),
    2228,
  )
})
