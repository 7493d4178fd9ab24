import type { ExecutionContext } from 'ava'
import { pause, wallClock } from '../../pipeline/clock.ts'

/** The assertions that cases use; ava's `t` has them, and so has the check that suites reject broken implementations. */
export interface Check {
  is(actual: unknown, expected: unknown, message?: string): unknown
  deepEqual(actual: unknown, expected: unknown, message?: string): unknown
  true(actual: unknown, message?: string): unknown
}

/** One promise of an interface, as a test that any implementation can be put to. */
export interface Case<Subject> {
  title: string
  run(t: Check, subject: Subject): Promise<void>
}

/** What every subject has. */
export interface Cleanable {
  clean(): Promise<void>
}

/** ava's `test` or `test.serial`. */
export type Register = (title: string, run: (t: ExecutionContext) => Promise<void>) => void

/** Runs all cases, each on a subject of its own. */
export function runCases<Subject extends Cleanable>(
  test: Register,
  cases: readonly Case<Subject>[],
  open: () => Promise<Subject>,
): void {
  for (const { title, run } of cases) {
    test(title, async (t) => {
      const subject = await open()
      try {
        await run(t, subject)
      } finally {
        await subject.clean()
      }
    })
  }
}

const defaultPatienceMs = 20_000
const pollMs = 5

/** Waits until `check` gives something other than false or undefined; rejects after `patienceMs`. */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  patienceMs = defaultPatienceMs,
): Promise<NonNullable<T>> {
  const deadline = wallClock.now() + patienceMs
  for (;;) {
    const found = await check()
    if (found !== undefined && found !== null && found !== false) return found
    if (wallClock.now() > deadline) throw new Error(`waited ${patienceMs} ms for ${what}`)
    await pause(pollMs)
  }
}

/** The error a promise rejects with; fails if it resolves. */
export async function rejection(t: Check, promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  t.true(outcome instanceof Error, 'it should have been refused')
  return outcome as Error
}

/** Says why a case does not apply to this subject. */
export function unable(t: Check, why: string): void {
  t.true(true, why)
}
