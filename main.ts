import { readFileSync } from 'node:fs'
import { buildCli } from './cli/index.ts'
import { startDemo } from './main/demo.ts'
import { openStoreReadOnly } from './main/files.ts'
import { playAlone } from './main/playground.ts'
import { runRuleTests } from './main/rule-tests.ts'
import { start } from './main/start.ts'
import { packageFile } from './pipeline/package-file.ts'

// `main/` is the only room that imports every other: rooms are given functions of one another there.

// Logs are nobody else's business: what we write is for this user alone.
process.umask(0o077)
const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
  version: string
}

const startPlayground = playAlone
await buildCli({
  version,
  start,
  startDemo,
  startPlayground,
  openStoreReadOnly,
  runRuleTests,
}).parseAsync()
