import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import {
  differences,
  shapeOf,
  unexplained,
  type Exceptions,
  type ShapeOptions,
} from '../../helpers/shape.ts'
import { sharedDir } from '../../helpers/shared.ts'

const dir = join(sharedDir() ?? '', 'fixtures/mesos-1.11')

/** Skipped where the captured answers are not there. */
export const withFixtures = sharedDir() === undefined ? test.skip : test

/** The JSON of a captured answer: a file of JSON, or the body of one with its HTTP head. */
export function fixture(name: string): string {
  const text = readFileSync(join(dir, name), 'utf8')
  return name.endsWith('.http') ? (text.split('\r\n\r\n')[1] as string) : text
}

export function rawFixture(name: string): Buffer {
  return readFileSync(join(dir, name))
}

/** Names of attributes, roles, principals and frameworks are data, also in the names of metrics. */
export const mesosKeys: ShapeOptions = {
  key(path, key) {
    if (path.endsWith('.attributes')) return '*'
    return metricPattern(key)
  },
}

export function metricPattern(name: string): string {
  return name
    .replace(/^master\/frameworks\/[^/]+\/[^/]+\//, 'master/frameworks/F/')
    .replace(/\/roles\/[^/]*\//, '/roles/R/')
    .replace(/^frameworks\/[^/]+\//, 'frameworks/P/')
    .replace(/^master\/task_\w+\/source_\w+\/reason_\w+$/, 'master/task_S/source_S/reason_R')
}

/** One line a difference, so that a failure says what. */
export function sameShape(
  t: ExecutionContext,
  fixtures: readonly string[],
  ours: readonly string[],
  exceptions: Exceptions = {},
): void {
  const real = shapeOf(fixtures.map(fixture), mesosKeys)
  const found = differences(real, shapeOf(ours, mesosKeys))
  t.deepEqual(unexplained(found, exceptions), { lines: [], unused: [] })
}
