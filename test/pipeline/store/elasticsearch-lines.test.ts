import test from 'ava'
import type { LogDoc } from '../../../pipeline/event.ts'
import { decodeDocs, encodeBody, type LogRecord } from '../../../pipeline/record.ts'
import { singlesOf } from '../../../pipeline/store/elasticsearch-pieces.ts'
import {
  partsOf,
  pick,
  withoutOrigin,
  type Part,
} from '../../../pipeline/store/elasticsearch-lines.ts'
import { dayMs, docsOf, messages, noon, openSource } from '../../contracts/lines.ts'

/** What a bulk request says, read again. */
function said({ piece }: Part): { id: string; doc: LogDoc }[] {
  return singlesOf([piece]).map(({ bytes }) => {
    const [action, doc, ...rest] = bytes.toString().split('\n')
    if (rest.join('') !== '') throw new Error('more than two lines')
    const { create } = JSON.parse(action ?? '') as { create: { _id: string } }
    return { id: create._id, doc: JSON.parse(doc ?? '') as LogDoc }
  })
}

/** A record of these very lines. */
function recordOf(lines: string[], like: LogRecord): LogRecord {
  const ndjson = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  return { head: { ...like.head, bytes: ndjson.length }, body: encodeBody(ndjson) }
}

test('a line goes as it is, with its source and lineage, under its id', (t) => {
  const source = openSource('c"1\\ü:o', { service: 'web' }, 'lin"eage')
  const record = source.write(
    { message: 'Größe 🔑 \ud800 "x"\n' },
    { message: '' },
    { tags: ['a'] },
  )
  const [part, ...others] = partsOf(record)
  t.deepEqual(others, [])
  t.is(part?.day, '2026-11-22')
  const found = said(part as Part)
  t.deepEqual(
    found.map(({ id }) => id),
    docsOf(record).map((doc) => doc['event.id']),
  )
  t.deepEqual(
    found.map(({ doc }) => withoutOrigin(doc)),
    docsOf(record),
  )
  t.true(found.every(({ doc }) => doc['mesoscope.source'] === 'c"1\\ü:o'))
  t.true(found.every(({ doc }) => doc['mesoscope.lineage'] === 'lin"eage'))
})

test('lines of several days are parted, wherever midnight lies', (t) => {
  const record = openSource('c1:o').write(
    { at: noon + dayMs, message: 'a' },
    { at: noon, message: 'b' },
    { at: noon + dayMs, message: 'c' },
  )
  const parts = partsOf(record).map((part) => ({
    day: part.day,
    numbers: part.numbers,
    messages: messages(said(part).map(({ doc }) => doc)),
  }))
  t.deepEqual(parts, [
    { day: '2026-11-23', numbers: [0, 2], messages: ['a', 'c'] },
    { day: '2026-11-22', numbers: [1], messages: ['b'] },
  ])
})

const like = openSource('c1:o', { service: 'web' }).write({ message: 'hello' })
const [doc] = decodeDocs(like) as [LogDoc]

test('an id is found however the line is laid out, and whatever stands in it', (t) => {
  const { '@timestamp': time, 'event.id': _, ...rest } = doc
  const ids = ['x', 'a"b', 'a\\', '\\"', 'ü\0', ':'.repeat(300), 'é'.repeat(250), 'i'.repeat(512)]
  for (const id of ids) {
    const given = {
      '@timestamp': time,
      'log.level': 'info',
      'event.id': id,
      message: '"event.id":"no"',
    }
    const odd = { '@timestamp': time, ...rest, more: { 'event.id': 'no' }, 'event.id': id }
    for (const one of [given, odd]) {
      const [part] = partsOf(recordOf([JSON.stringify(one)], like))
      t.deepEqual(said(part as Part)[0]?.id, id)
      t.deepEqual(withoutOrigin(said(part as Part)[0]?.doc as LogDoc), one as unknown as LogDoc)
    }
  }
})

test('an id that Elasticsearch would not take is told by its hash, always the same', (t) => {
  const idOf = (id: string) => {
    const [part] = partsOf(recordOf([JSON.stringify({ ...doc, 'event.id': id })], like))
    return said(part as Part)[0]?.id ?? ''
  }
  const long = idOf('x'.repeat(513))
  t.regex(long, /^sha256:[0-9a-f]{64}$/)
  t.is(long, idOf('x'.repeat(513)))
  t.not(long, idOf('x'.repeat(514)))
})

const unreadable: [title: string, lines: string[]][] = [
  ['a line that is no JSON', [`{"@timestamp":"${doc['@timestamp']}",`]],
  ['a line without an id', [JSON.stringify({ ...doc, 'event.id': undefined })]],
  ['a line with an empty id', [JSON.stringify({ ...doc, 'event.id': '' })]],
  ['a line with a number for an id', [JSON.stringify({ ...doc, 'event.id': 7 })]],
  ['an empty line', ['']],
  [
    'a line of another time',
    [JSON.stringify({ ...doc, '@timestamp': '2026-11-20T00:00:00.000000000Z' })],
  ],
  ['more lines than told', [JSON.stringify(doc), JSON.stringify(doc)]],
]
for (const [title, lines] of unreadable) {
  test(`a record with ${title} is not readable`, (t) => {
    t.throws(() => partsOf(recordOf(lines, like)))
  })
}

test('of a record some lines are picked as records of consecutive ones', (t) => {
  const record = openSource('c1:o', { service: 'web' }).tick(6)
  const picked = pick(record, new Set([0, 1, 4]))
  t.deepEqual(
    picked.map(({ head }) => head.sequence),
    [
      [0, 1],
      [4, 4],
    ],
  )
  t.deepEqual(pick(record, new Set([0, 1, 2, 3, 4, 5])), [record])
})
