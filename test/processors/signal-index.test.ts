import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { identityToEcs } from '../../pipeline/identity.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { parseQuery } from '../../pipeline/query.ts'
import { decodeDocs, type LogRecord } from '../../pipeline/record.ts'
import { writtenDistribution } from '../../pipeline/distribution.ts'
import type { CountedSignal } from '../../processors/buckets.ts'
import { openCounter } from '../../processors/count.ts'
import { openPartition, type Partition } from '../../processors/partition.ts'
import { nothingKnown, resolveLines } from '../../processors/resolve.ts'
import { openSignalIndex } from '../../processors/signal-index.ts'
import { openPlainCounter } from './plain-counter.ts'
import { someRecords, where } from './wanting.ts'

const namesOf = (wheres: readonly string[]) => {
  const signals = wheres.map((text) => ({ name: text, query: parseQuery(text) }))
  const signalsOf = openSignalIndex(signals, (some) => some.map(({ name }) => name))
  return (event: Record<string, unknown>) => signalsOf(event).flat()
}

test('an event is given the signals of its service, of names that fit, and those that ask for none', (t) => {
  const signalsOf = namesOf([
    'service:"/a" AND x',
    'service:"/b"',
    'service:?a*',
    'NOT service:"/a"',
    '(service:"/a" OR service:"/c") AND level:error',
    'service:"/a" OR x',
    'level:error',
  ])
  const anyway = ['level:error']
  const anywhere = ['service:"/a" OR x']
  t.deepEqual(signalsOf({ 'service.name': '/a' }).toSorted(), [
    '(service:"/a" OR service:"/c") AND level:error',
    ...anyway,
    'service:"/a" AND x',
    'service:"/a" OR x',
    'service:?a*',
  ])
  const others = ['NOT service:"/a"', ...anyway, ...anywhere]
  t.deepEqual(
    signalsOf({ 'service.name': '/b' }).toSorted(),
    [...others, 'service:"/b"'].toSorted(),
  )
  t.deepEqual(signalsOf({}).toSorted(), others.toSorted())
})

test('who asks for an agent too is told apart by both', (t) => {
  const signalsOf = namesOf(['service:"/a" AND agent:one', 'agent:two'])
  const of = (service: string | undefined, agent: unknown) =>
    signalsOf({ ...(service && { 'service.name': service }), 'host.name': agent })
  t.deepEqual(of('/a', 'one'), ['service:"/a" AND agent:one'])
  t.deepEqual(of('/a', 'two'), ['agent:two'])
  t.deepEqual(of(undefined, 'two'), ['agent:two'])
  t.deepEqual(of('/a","one', undefined), [])
})

test('what is left of a query is the same object for all services', (t) => {
  const query = parseQuery('service:?a* AND level:error')
  const left = query.of({ 'service.name': '/a1' })
  t.true(left?.onlyLevel)
  t.is(query.of({ 'service.name': '/a2' }), left)
  t.is(query.of({ 'service.name': '/b' }), undefined)
})

test('what is left of a query, of lines that may be of its services alone, says what the query says', (t) => {
  fc.assert(
    fc.property(where, someRecords, (text, records) => {
      const query = parseQuery(text)
      for (const { docs, ecs } of records.map(opened)) {
        const left = query.of(ecs)
        const services = query.services?.includes(String(ecs['service.name'])) ?? true
        for (const doc of docs) {
          t.is(left?.matches(doc) ?? false, query.matches(doc))
          if (query.matches(doc)) t.true(services)
        }
      }
    }),
    { numRuns: 200 },
  )
})

function opened(one: LogRecord) {
  return { docs: decodeDocs(one), ecs: identityToEcs(one.head.identity) }
}

const measures = fc.constantFrom<Partial<CountedSignal>>(
  {},
  {},
  { field: 'status', measure: 'p95' },
  { field: 'msg', measure: 'cardinality' },
  { field: 'user.id', measure: 'sum', counter: true },
)
const signal = fc.record({ where, measured: measures, by: fc.constantFrom('service', 'agent') })
/** Few are looked for one by one, many at once. */
const someSignals = fc.array(signal, { minLength: 1, maxLength: 40, size: 'max' })

test('the index counts what is counted where every line goes past every signal', (t) => {
  fc.assert(
    fc.property(someSignals, someRecords, (some, records) => {
      const signals = Object.fromEntries(
        some.map(({ where: text, measured, by }, i) => [
          `s${i}`,
          { from: 'logs', where: text, by: [by], ...measured } satisfies CountedSignal,
        ]),
      )
      const common = { signals, resolutionMs: 1000, metrics: openMetrics(), log: silentLog }
      const [counted, plainly] = [openPartition(0), openPartition(0)]
      const { count } = openCounter({ ...common, catalog: nothingKnown })
      const countPlainly = openPlainCounter(common)
      for (const one of records) {
        count(counted, resolveLines(one, nothingKnown), 0)
        countPlainly(plainly, resolveLines(one, nothingKnown), 0)
      }
      compare(t, counted, plainly)
    }),
    { numRuns: 80 },
  )
})

/** By the head alone the newest line of a record is the newest of each level in it. */
function compare(t: ExecutionContext, counted: Partition, plainly: Partition): void {
  t.deepEqual([...counted.buckets.keys()].toSorted(), [...plainly.buckets.keys()].toSorted())
  for (const [key, { lastMs, ...bucket }] of counted.buckets) {
    const { lastMs: plainLastMs = 0, ...plain } = plainly.buckets.get(key) ?? {}
    t.deepEqual<unknown, unknown>(bucket, plain)
    t.true(lastMs >= plainLastMs && lastMs < bucket.to)
    t.deepEqual(
      writtenDistribution(counted.open.get(key) ?? {}),
      writtenDistribution(plainly.open.get(key) ?? {}),
    )
  }
}
