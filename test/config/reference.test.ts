import { readFileSync } from 'node:fs'
import test from 'ava'
import { makeReference } from '../../config/reference.ts'
import { readLabels } from '../../autoscaling/labels.ts'
import { catalogue } from '../../pipeline/metrics.ts'
import type { ServiceState } from '../../pipeline/service-state.ts'

const reference = makeReference()

test('the committed reference is the one that would be generated', (t) => {
  t.is(readFileSync('config/REFERENCE.md', 'utf8'), reference, 'run npm run docs')
})

test('every setting has a kind and a sentence', (t) => {
  const [settings = ''] = reference.split('\n## Labels')
  const rows = settings.split('\n').filter((line) => /^\| `[a-z]/.test(line))
  t.true(rows.length > 50)
  for (const row of rows) t.regex(row, /^\| `[^`]+` \| [^|]+ \| .* \| [A-Z].*[.] \|$/, row)
})

test('the labels it lists are those that are read', (t) => {
  const listed = [...reference.matchAll(/^\| `(autoscale\.[^`]+)`[^|]*\| `([^`]+)` \|$/gm)]
  const values: Record<string, string> = {
    'autoscale.enabled': 'true',
    'autoscale.dry_run': 'true',
    'autoscale.resident': 'true',
    'autoscale.stabilization.up': '1s',
    'autoscale.stabilization.down': '2s',
    'autoscale.override': '3s',
    'autoscale.steps': 'cpu > 80% +2, cpu < 3 -50%',
    'autoscale.scale_up.policies': '4/15s, 100%/15s',
    'autoscale.scale_up.select': 'min',
    'autoscale.scale_down.policies': '1/1m',
    'autoscale.scale_down.select': 'disabled',
    'autoscale.warm_up': '3s',
    'autoscale.idle_after': '4s',
  }
  const as = (column: number) =>
    Object.fromEntries(
      listed.map((row) => {
        const name = String(row[column]).replace(/<signal>/i, 'cpu')
        return [column === 1 ? name : name.toLowerCase(), values[String(row[1])] ?? '3']
      }),
    )
  const app = { labels: {}, env: {}, service: '/shop/web' } as unknown as ServiceState
  const declaration = {
    service: '/shop/web',
    targets: { cpu: 3 },
    values: { cpu: 3 },
    steps: [
      { signal: 'cpu', above: 0.8, add: { count: 2 } },
      { signal: 'cpu', below: 3, remove: { percent: 50 } },
    ],
    scaleUp: {
      select: 'min',
      policies: [
        { count: 4, perMs: 15_000 },
        { percent: 100, perMs: 15_000 },
      ],
    },
    scaleDown: { select: 'disabled', policies: [{ count: 1, perMs: 60_000 }] },
    warmUpMs: 3000,
    activation: { cpu: 3 },
    idleAfterMs: 4000,
    min: 3,
    max: 3,
    tolerance: 3,
    stabilizationUpMs: 1000,
    stabilizationDownMs: 2000,
    dryRun: true,
    resident: true,
    overrideMs: 3000,
  }
  const expected = { declaration, faults: [], remarks: [] }
  t.deepEqual(readLabels({ ...app, labels: as(1) }, {}), expected)
  t.deepEqual(readLabels({ ...app, env: as(2) }, {}), expected)
})

test('every metric of the catalogue is in it', (t) => {
  for (const name of Object.keys(catalogue))
    t.true(reference.includes(`\`mesoscope_${name}\``), name)
})
