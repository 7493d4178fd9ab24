import { existsSync, statSync } from 'node:fs'
import { feedDirectory } from './feed.ts'

/*
 * `npm run fixtures -- DIR` feeds every file of a directory to the code that would read it live, tells for each what it
 * understood, and closes with how many passed and failed. Files of kinds that nobody reads yet are counted neither way.
 */

const dir = process.argv[2]
if (dir === undefined || !existsSync(dir) || !statSync(dir).isDirectory()) {
  console.error(
    'name a directory of captured answers and logs: npm run fixtures -- ../shared/fixtures',
  )
  process.exit(2)
}

const reports = await feedDirectory(dir)
const of = (outcome: string) => reports.filter((report) => report.outcome === outcome)
for (const { path, says } of of('passed')) console.log(`${path}: ${says}`)
for (const { path, says } of of('failed')) console.log(`FAILED ${path}: ${says}`)
const unread = of('unread')
if (unread.length > 0) {
  console.log(`not read yet (${unread.length}): ${unread.map(({ path }) => path).join(', ')}`)
}
console.log(`${of('passed').length} passed, ${of('failed').length} failed`)
process.exitCode = of('failed').length > 0 ? 1 : 0
