/**
 * `npm run oracles -- DIR` replays every case of a directory through the product's own code, prints each difference, and
 * closes with `N passed, N failed`. Exit code 1 when one failed or there was none, 2 without a directory.
 */
import { statSync } from 'node:fs'
import { hasFailed, replayDirectory } from './directory.ts'

const [dir] = process.argv.slice(2)
if (dir === undefined || !statSync(dir, { throwIfNoEntry: false })?.isDirectory()) {
  console.error('name a directory of oracles: npm run oracles -- ../shared/oracles')
  process.exit(2)
}

let passed = 0
let failed = 0
let excused = 0
let notReplayed = 0
for (const { name, outcomes, left = [], skipped } of replayDirectory(dir)) {
  const wrong = outcomes.filter(hasFailed)
  console.log(
    `${name}: ${skipped ?? `${outcomes.length - wrong.length} of ${outcomes.length} as it should be`}`,
  )
  for (const { id, differences, reason } of outcomes) {
    const because = reason === undefined ? '' : ` (on purpose: ${reason})`
    for (const one of differences) console.log(`  ${id}: ${one}${because}`)
    if (reason !== undefined && differences.length > 0) excused++
  }
  for (const { id, why } of left) console.log(`  ${id}: not replayed: ${why}`)
  notReplayed += left.length
  failed += wrong.length
  passed += outcomes.length - wrong.length
}
if (excused > 0) console.log(`${excused} of those that passed differ on purpose`)
if (notReplayed > 0) console.log(`${notReplayed} were not replayed and count as neither`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
