import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { msToIso, type ChangeDoc, type SampleDoc } from '../../pipeline/event.ts'
import { identityToEcs } from '../../pipeline/identity.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { encodeSamples } from '../../pipeline/sample.ts'
import type { CountedSignal, CounterOptions } from '../../processors/buckets.ts'
import { openChangeCounter } from '../../processors/count-changes.ts'
import { openSampleCounter } from '../../processors/count-samples.ts'
import { openPartition, type Partition } from '../../processors/partition.ts'
import { someTime } from '../helpers/pipeline.ts'
import { openPlainChangeCounter, openPlainSampleCounter } from './plain-counter.ts'
import { identity, message, where } from './wanting.ts'

const metric = fc.constantFrom('a', 'b', 'constructor')
const by = fc.constantFrom<CountedSignal['by']>(['service'], ['service', 'task'], ['agent'])
const signal = fc.record({ where, metric, by, counter: fc.boolean() })
const signals = fc.array(signal, { minLength: 1, maxLength: 12, size: 'max' })
const afterMs = fc.nat(3000)

const optionsFor = (declared: CountedSignal[]): CounterOptions => ({
  signals: Object.fromEntries(declared.map((one, i) => [`s${i}`, one])),
  resolutionMs: 1000,
  metrics: openMetrics(),
  log: silentLog,
})

function same(t: ExecutionContext, counted: Partition, plainly: Partition): void {
  const sorted = ({ buckets }: Partition) => [...buckets].toSorted(([a], [b]) => (a < b ? -1 : 1))
  t.deepEqual(sorted(counted), sorted(plainly))
}

const sample = fc.record({
  identity,
  afterMs,
  metrics: fc.dictionary(metric, fc.integer({ min: 0, max: 99 }), { maxKeys: 3 }),
})

test('samples are counted as where every sample goes past every signal', (t) => {
  fc.assert(
    fc.property(
      signals,
      fc.array(sample, { minLength: 1, maxLength: 8, size: 'max' }),
      (declared, samples) => {
        const options = optionsFor(declared.map((one) => ({ ...one, from: 'metrics' })))
        const docs = samples.map((one, n): SampleDoc => ({
          '@timestamp': msToIso(someTime + one.afterMs),
          'event.id': `sample:s:l:${n}`,
          'event.sequence': n,
          metrics: { ...one.metrics },
          ...identityToEcs(one.identity),
        }))
        const record = encodeSamples(docs, { source: 's', lineage: 'l' })
        const [counted, plainly] = [openPartition(0), openPartition(0)]
        openSampleCounter(options)(counted, record, 0)
        openPlainSampleCounter(options)(plainly, record, 0)
        same(t, counted, plainly)
      },
    ),
    { numRuns: 150 },
  )
})

const change = fc.record({ identity, message, afterMs })

test('changes are counted as where every change goes past every signal, each once', (t) => {
  fc.assert(
    fc.property(
      signals,
      fc.array(change, { minLength: 1, maxLength: 8, size: 'max' }),
      (declared, changes) => {
        const options = optionsFor(
          declared.map(({ where, by }) => ({ from: 'changes', where, by })),
        )
        const docs = changes.map((one, n): ChangeDoc => ({
          '@timestamp': msToIso(someTime + one.afterMs),
          'event.id': `change:${n}`,
          'event.kind': 'task',
          'event.action': 'died',
          message: one.message,
          ...identityToEcs(one.identity),
        }))
        const [counted, plainly] = [openPartition(0), openPartition(0)]
        const [count, countPlainly] = [openChangeCounter(options), openPlainChangeCounter(options)]
        for (const doc of [...docs, ...docs]) count(counted, doc)
        for (const doc of docs) countPlainly(plainly, doc)
        same(t, counted, plainly)
      },
    ),
    { numRuns: 150 },
  )
})
