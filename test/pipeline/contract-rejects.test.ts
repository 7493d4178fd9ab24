import test from 'ava'
import { AssertionError } from 'node:assert'
import assert from 'node:assert/strict'
import type { Bus } from '../../pipeline/bus/bus.ts'
import type { Store } from '../../pipeline/store/store.ts'
import { busCases } from '../contracts/bus.ts'
import { storeCases } from '../contracts/store.ts'
import type { Case, Check, Cleanable } from '../contracts/suite.ts'
import { brokenBuses } from './broken-buses.ts'
import { brokenStores } from './broken-stores.ts'
import { openEmbeddedSubject } from './bus/embedded-subject.ts'
import { openSqliteSubject } from './store/sqlite-subject.ts'

/* A suite that nothing can fail proves nothing: each of these implementations breaks one promise. */

/** Runs a case outside ava; tells how it failed. A failure inside a handler counts, though the bus catches it. */
async function failureOf<Subject extends Cleanable>(
  { run }: Case<Subject>,
  subject: Subject,
): Promise<Error | undefined> {
  const failures: Error[] = []
  const noting = (assertion: () => void) => {
    try {
      assertion()
    } catch (error) {
      failures.push(error as Error)
      throw error
    }
  }
  const t: Check = {
    is: (actual, expected, message) => noting(() => assert.equal(actual, expected, message)),
    deepEqual: (actual, expected, message) =>
      noting(() => assert.deepEqual(plain(actual), plain(expected), message)),
    true: (actual, message) => noting(() => assert.equal(actual, true, message)),
  }
  try {
    await run(t, subject)
  } catch (error) {
    failures.push(error as Error)
  } finally {
    await subject.clean()
  }
  return failures[0]
}

/** Without the prototypes that differ between what SQLite gave and what a test wrote. */
function plain(value: unknown): unknown {
  return structuredClone(value)
}

function caseNamed<Subject>(cases: readonly Case<Subject>[], beginning: string): Case<Subject> {
  const found = cases.filter(({ title }) => title.startsWith(beginning))
  assert.equal(found.length, 1, `"${beginning}" names one case`)
  return found[0] as Case<Subject>
}

/** Also what waits for something that never comes. */
function isFailedCheck(error: Error | undefined): boolean {
  return (
    error instanceof AssertionError ||
    /^waited \d+ ms|no progress|no end/.test(error?.message ?? '')
  )
}

for (const { breaks, caughtBy, wrap } of brokenBuses) {
  for (const title of caughtBy) {
    test.serial(`a bus that ${breaks} fails at "${title}"`, async (t) => {
      const subject = await openEmbeddedSubject(700)
      const state = {}
      const wrapped = {
        ...subject,
        bus: wrap(subject.bus, state),
        reopen: async (): Promise<Bus> => wrap(await subject.reopen(), state),
      }
      const failure = await failureOf(caseNamed(busCases, title), wrapped)
      t.true(isFailedCheck(failure), String(failure))
    })
  }
}

for (const { breaks, caughtBy, wrap } of brokenStores) {
  for (const title of caughtBy) {
    test.serial(`a store that ${breaks} fails at "${title}"`, async (t) => {
      const subject = await openSqliteSubject()
      const wrapped = {
        ...subject,
        store: wrap(subject.store),
        reopen: async (): Promise<Store> => wrap(await subject.reopen()),
      }
      const failure = await failureOf(caseNamed(storeCases, title), wrapped)
      t.true(isFailedCheck(failure), String(failure))
    })
  }
}

test.serial('an unbroken bus and store pass this check', async (t) => {
  for (const one of busCases.slice(0, 3)) {
    t.is(await failureOf(one, await openEmbeddedSubject()), undefined)
  }
  for (const one of storeCases.slice(0, 3)) {
    t.is(await failureOf(one, await openSqliteSubject()), undefined)
  }
})
