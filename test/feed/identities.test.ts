import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { sharedDir } from '../helpers/shared.ts'
import { feedDirectory, type Report } from './feed.ts'
import { identityLine, identityLines } from './identity-line.ts'

/*
 * The identities that each fixture with services, tasks or containers tells of, as `identities/` has them: read from the
 * captures themselves, not from what the program makes of them. `as FILE` says that another file tells the same.
 */

const table = Object.assign(
  {},
  ...['docker', 'marathon', 'mesos', 'others'].map((area): unknown =>
    JSON.parse(readFileSync(new URL(`identities/${area}.json`, import.meta.url), 'utf8')),
  ),
) as Record<string, string | string[]>

function expectedOf(path: string): string[] | undefined {
  const entry = table[path]
  return typeof entry === 'string' ? expectedOf(entry.replace(/^as /, '')) : entry
}

/** Also where nobody is told of by an id of its own. */
const hasSome = ({ says, identities }: Report) =>
  identities.length > 0 || /\b[1-9]\d* (app|pod|task|container|executor|identit)/.test(says)

const dir = sharedDir()
const withShared = dir === undefined ? test.skip : test

withShared('every fixture with services, tasks or containers tells exactly of these', async (t) => {
  const reports = await feedDirectory(join(dir as string, 'fixtures'))
  const byPath = new Map(reports.map((report) => [report.path, report]))
  const missing = reports.filter((one) => hasSome(one) && expectedOf(one.path) === undefined)
  t.deepEqual(
    missing.map(({ path }) => path),
    [],
    'fixtures without an expectation',
  )
  t.true(Object.keys(table).length >= 80)
  for (const path of Object.keys(table)) {
    const told = identityLines(byPath.get(path)?.identities ?? [])
    t.deepEqual(told.toSorted(), expectedOf(path)?.toSorted(), path)
  }
})

test('a line tells each part that is known, and what is long by its length', (t) => {
  const identity = {
    labels: { team: 'shop', note: 'two words' },
    framework: 'F',
    service: '/shop/web',
    image: 'i'.repeat(200),
  }
  t.is(
    identityLine(identity),
    `service=/shop/web image=${'i'.repeat(40)}…(200) framework=F labels.team=shop labels.note="two words"`,
  )
})
