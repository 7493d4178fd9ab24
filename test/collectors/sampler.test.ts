import test from 'ava'
import { openSampler, type Measured } from '../../collectors/sampler.ts'
import type { Collected } from '../../collectors/sink.ts'
import { manualClock } from '../../pipeline/clock.ts'
import { decodeSamples, samplesFromBus, samplesToBus } from '../../pipeline/sample.ts'
import { openRecording, openRecordingSink } from './recording-sink.ts'

const nowMs = Date.parse('2026-11-25T12:00:00Z')
const clock = manualClock(nowMs)
const source = 'mesos-agent:agent-1:5051'

const docsOf = ({ samples = [] }: Pick<Collected, 'samples'>) => samples.flatMap(decodeSamples)

function measured(values: number[], timeMs = nowMs): Measured[] {
  return values.map((value) => ({
    timeMs,
    metrics: { 'container.cpu.usage': value },
    identity: { service: '/web', task: `web.${value}` },
  }))
}

test('samples become records with dense sequences and identity', (t) => {
  const sampler = openSampler({ source, sink: openRecordingSink(openRecording()), clock })
  const { samples = [], positions = {} } = sampler.take(measured([0.5, 1]))
  const [record] = samples
  t.is(samples.length, 1)
  t.like(record?.head, { source, sequence: [0, 1], count: 2 })
  const lineage = record?.head.lineage
  t.deepEqual(docsOf({ samples })[1], {
    '@timestamp': '2026-11-25T12:00:00.000000000Z',
    'event.id': `sample:${source}:${lineage}:1`,
    'event.sequence': 1,
    metrics: { 'container.cpu.usage': 1 },
    'service.name': '/web',
    'mesos.task.id': 'web.1',
  })
  t.deepEqual(positions, { 'mesos-agent:samples:agent-1:5051': { lineage, next: 2 } })
  if (record) t.deepEqual(samplesFromBus(samplesToBus(record)), record)
})

test('what is not finite or not known is left out; a sample without values takes no sequence', (t) => {
  const sampler = openSampler({ source, sink: openRecordingSink(openRecording()), clock })
  const identity = { service: '/web' }
  const one = sampler.take([
    { timeMs: nowMs, metrics: { a: NaN, b: undefined, c: Infinity }, identity },
    { timeMs: nowMs, metrics: { a: -1, b: NaN }, identity, fields: { 'host.name': 'a1' } },
  ])
  t.deepEqual(
    docsOf(one).map((doc) => [doc['event.sequence'], doc.metrics, doc['host.name']]),
    [[0, { a: -1 }, 'a1']],
  )
  t.deepEqual(sampler.take([]), {})
  t.deepEqual(sampler.take([{ timeMs: nowMs, metrics: { a: NaN }, identity }]), {})
})

test('many samples are cut into several records', (t) => {
  const sink = openRecordingSink(openRecording())
  const sampler = openSampler({ source, sink, clock, maxPerRecord: 4 })
  const { samples = [] } = sampler.take(measured([0, 1, 2, 3, 4, 5, 6, 7, 8]))
  t.deepEqual(
    samples.map(({ head }) => head.sequence),
    [
      [0, 3],
      [4, 7],
      [8, 8],
    ],
  )
})

test('times that cannot be true are those of reading', (t) => {
  const sampler = openSampler({ source, sink: openRecordingSink(openRecording()), clock })
  for (const timeMs of [NaN, Infinity, 1e300, -1e15, 0, nowMs + 86_400_000]) {
    t.is(
      docsOf(sampler.take(measured([1], timeMs)))[0]?.['@timestamp'].slice(0, 19),
      '2026-11-25T12:00:00',
    )
  }
})

test('killed between any two batches, each sequence comes once, in one lineage', async (t) => {
  const recording = openRecording()
  const sequences: number[] = []
  const lineages = new Set<string>()
  for (let life = 1; life <= 12; life++) {
    const sink = openRecordingSink(recording, life % 4)
    const sampler = openSampler({ source, sink, clock })
    while (!sink.killed()) {
      const batch = sampler.take(measured([1, 2, 3].slice(0, life % 3 || 3)))
      const before = recording.appends
      await sink.append(batch)
      if (recording.appends === before) continue
      for (const doc of docsOf(batch)) sequences.push(doc['event.sequence'])
      for (const { head } of batch.samples ?? []) lineages.add(head.lineage)
    }
  }
  t.deepEqual(sequences, [...sequences.keys()])
  t.true(sequences.length > 20)
  t.is(lineages.size, 1)
})

test('a position that cannot be used begins a new lineage', async (t) => {
  for (const stored of [
    undefined,
    null,
    7,
    {},
    { lineage: '', next: 3 },
    { lineage: 'a', next: 'x' },
  ]) {
    const recording = openRecording()
    recording.positions.set('mesos-agent:samples:agent-1:5051', stored)
    const sampler = openSampler({ source, sink: openRecordingSink(recording), clock })
    t.is(docsOf(sampler.take(measured([1])))[0]?.['event.sequence'], 0)
  }
})
