import { readFileSync } from 'node:fs'
import test from 'ava'
import { makeReference } from '../../config/reference.ts'
import { catalogue } from '../../pipeline/metrics.ts'

const reference = makeReference()

test('the committed reference is the one that would be generated', (t) => {
  t.is(readFileSync('config/REFERENCE.md', 'utf8'), reference, 'run npm run docs')
})

test('every setting has a kind and a sentence', (t) => {
  const rows = reference.split('\n').filter((line) => /^\| `[a-z]/.test(line))
  t.true(rows.length > 50)
  for (const row of rows) t.regex(row, /^\| `[^`]+` \| [^|]+ \| .* \| [A-Z].*[.] \|$/, row)
})

test('every metric of the catalogue is in it', (t) => {
  for (const name of Object.keys(catalogue))
    t.true(reference.includes(`\`mesoscope_${name}\``), name)
})
