import test from 'ava'
import {
  encodeBody,
  decodeBody,
  decodeDocs,
  encodeRecord,
  fromBusRecord,
  scanLines,
  toBusRecord,
  type LogHead,
} from '../../pipeline/record.ts'
import { docsOf, noon, openSource } from '../contracts/lines.ts'

const source = () => openSource('c1:o', { service: 'web', labels: { team: 'shop' } })
const record = source().write(
  { at: noon + 5, level: 'error', message: 'one' },
  { at: noon, message: '"two"\n\0\ud800', tags: ['multiline'] },
  { at: noon + 9, level: 'error', message: '' },
)

test('a head tells of its lines what a reader needs', (t) => {
  t.deepEqual(record.head, {
    v: 1,
    source: 'c1:o',
    lineage: 'first',
    sequence: [0, 2],
    time: ['2026-11-22T12:00:00.000000000Z', '2026-11-22T12:00:00.009000000Z'],
    count: 3,
    bytes: decodeBody(record).length,
    levels: { error: 2, info: 1 },
    identity: { container: 'c1', service: 'web', labels: { team: 'shop' } },
  })
})

test('lines survive, with the identity last in its order, whatever they had before', (t) => {
  const [first, second] = decodeDocs(record)
  t.is(second?.message, '"two"\n\0\ud800')
  t.deepEqual(Object.keys(first ?? {}).slice(-3), ['service.name', 'container.id', 'labels'])
  const identity = { cluster: 'main', service: 'shop', container: 'c1' }
  const again = encodeRecord(decodeDocs(record), { ...record.head, identity })
  for (const doc of decodeDocs(again)) {
    t.deepEqual(Object.keys(doc).slice(-3), [
      'orchestrator.cluster.name',
      'service.name',
      'container.id',
    ])
    t.is(doc['service.name'], 'shop')
    t.is(doc['labels'], undefined)
  }
})

test('lines are scanned with their time and level, without parsing', (t) => {
  const docs = docsOf(record)
  const scanned = [...scanLines(decodeBody(record).toString('utf8'))]
  t.deepEqual(
    scanned.map(({ line, time, level }) => [JSON.parse(line), time, level]),
    docs.map((doc) => [doc, doc['@timestamp'], doc['log.level']]),
  )
})

test('a record without a line is a mistake', (t) => {
  t.throws(() => encodeRecord([], record.head), { instanceOf: RangeError })
})

test('a record survives the bus, keyed by what keeps its order', (t) => {
  const onBus = toBusRecord(record)
  t.is(onBus.key, 'c1')
  t.deepEqual(fromBusRecord(onBus), record)
  t.is(toBusRecord(openSource('c1:e').tick(1)).key, 'c1', 'both streams of a container')
  t.is(toBusRecord(openSource('file:f00d').tick(1)).key, 'file:f00d')
})

const { head } = record
const heads: [title: string, head: unknown][] = [
  ['null', null],
  ['of another version', { ...head, v: 2 }],
  ['a list', []],
  ['without a source', { ...head, source: 1 }],
  ['without a lineage', { ...head, lineage: undefined }],
  ['with one sequence', { ...head, sequence: [0] }],
  ['with sequences that are no numbers', { ...head, sequence: ['0', '2'] }],
  ['with a count that is not theirs', { ...head, count: 4 }],
  ['with a count of 0', { ...head, count: 0, sequence: [1, 0] }],
  ['with a time of another form', { ...head, time: ['2026-11-22T12:00:00Z', head.time[1]] }],
  ['with a path for a time', { ...head, time: ['../../etc/passwd', head.time[1]] }],
  ['with times that run backwards', { ...head, time: head.time.toReversed() }],
  ['without an identity', { ...head, identity: null }],
  ['with levels that are no numbers', { ...head, levels: { error: 'x' } }],
]
for (const [title, wrong] of heads) {
  test(`a head ${title} is refused`, (t) => {
    const headers = { kind: 'lines', head: JSON.stringify(wrong) }
    t.throws(() => fromBusRecord({ headers, value: record.body }), { instanceOf: TypeError })
  })
}

test('a record without a head, or with one that is no JSON, is refused', (t) => {
  t.throws(() => fromBusRecord({ headers: {}, value: record.body }))
  t.throws(() => fromBusRecord({ headers: { head: '{' }, value: record.body }))
})

test('every flipped bit of a body is known', (t) => {
  const body = record.body
  for (let i = 4; i < body.length; i++) {
    const damaged = body.map((byte, k) => (k === i ? byte ^ 1 : byte))
    const read = () => decodeBody({ body: damaged })
    try {
      t.deepEqual(read(), decodeBody(record), `byte ${i} does not matter`)
    } catch (error) {
      t.is((error as { code?: string }).code?.slice(0, 4), 'ZSTD', `byte ${i}`)
    }
  }
})

test('a body that would fill the memory is refused', (t) => {
  const bomb = encodeBody(Buffer.alloc(257 * 2 ** 20))
  t.true(bomb.length < 100_000)
  t.throws(() => decodeBody({ body: bomb }), { code: 'ERR_BUFFER_TOO_LARGE' })
})

test('heads name only what is declared', (t) => {
  const names: (keyof LogHead)[] = [
    'v',
    'source',
    'lineage',
    'sequence',
    'time',
    'count',
    'bytes',
    'levels',
    'identity',
  ]
  t.deepEqual(Object.keys(record.head), names)
})
