import { openSqliteStore } from '../../../pipeline/store/sqlite.ts'
import { noon, openSource } from '../../contracts/lines.ts'

/* Stores records of ten lines, in turn of three days, until it is killed; prints the number of each that was stored. */
const store = openSqliteStore({ dir: process.argv[2] ?? '' })
const source = openSource('c1:o', { service: 'web' })
for (let n = 0; ; n++) {
  const at = noon + (n % 3) * 86_400_000 + n * 10_000
  const { rejected } = await store.appendLogs([source.tick(10, at)])
  if (rejected.length > 0) throw new Error('rejected')
  process.stdout.write(`${n}\n`)
}
