import { existsSync, statSync } from 'node:fs'
import { feedDirectory, type Report } from './feed.ts'
import { identityLines } from './identity-line.ts'

/*
 * `npm run fixtures -- DIR` feeds every file of a directory to the code that would read it live, tells for each what it
 * understood and a line for each identity that it derived, and closes with how many passed and failed. Files of kinds that
 * nobody reads yet are counted neither way. `--json`: all of it as data.
 */

const args = process.argv.slice(2)
const isJson = args.includes('--json')
const dir = args.find((arg) => arg !== '--json')
if (dir === undefined || !existsSync(dir) || !statSync(dir).isDirectory()) {
  console.error(
    'name a directory of captured answers and logs: npm run fixtures -- ../shared/fixtures',
  )
  process.exit(2)
}

const reports = await feedDirectory(dir)
const of = (outcome: string) => reports.filter((report) => report.outcome === outcome)

function tell({ path, says, identities }: Report, prefix = ''): void {
  console.log(`${prefix}${path}: ${says}`)
  for (const line of identityLines(identities)) console.log(`  ${line}`)
}

function tellAll(): void {
  for (const report of of('passed')) tell(report)
  for (const report of of('failed')) tell(report, 'FAILED ')
  const unread = of('unread')
  if (unread.length > 0) {
    console.log(`not read yet (${unread.length}): ${unread.map(({ path }) => path).join(', ')}`)
  }
  console.log(`${of('passed').length} passed, ${of('failed').length} failed`)
}

if (isJson) console.log(JSON.stringify(reports, null, 2))
else tellAll()
process.exitCode = of('failed').length > 0 ? 1 : 0
