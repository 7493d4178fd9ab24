import test from 'ava'
import fc from 'fast-check'
import type { LogDoc } from '../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../pipeline/identity.ts'
import { decodeBody, decodeDocs, encodeBody, encodeRecord } from '../../pipeline/record.ts'
import { withIdentity } from '../../processors/splice.ts'
import { record } from '../helpers/pipeline.ts'

const old: Identity = { service: '/shop/web', task: 'web.1', container: 'c1' }
const complete: Identity = { ...old, deployment: 'd1', labels: { team: 'shøp' } }
const tail = `,${JSON.stringify(identityToEcs(old)).slice(1)}`

/** What a line must not be mistaken for. */
const messages = [
  'plain',
  'ünïcödé 😀 \u2028',
  `${tail}\n`,
  `{"service.name":"/shop/web"}`,
  '"}',
  '\\"}\\n',
  'two\nlines\r\n',
  '\u0000\u001b[31m',
  '',
]

test('every line gets the new identity, and nothing else changes', (t) => {
  const before = record({ source: 'c1:o', identity: old, messages })
  const after = withIdentity(before, complete)
  t.deepEqual(after, encodeRecord(decodeDocs(before), { ...before.head, identity: complete }))
  t.deepEqual(
    decodeDocs(after).map(({ message }) => message),
    messages,
  )
  for (const doc of decodeDocs(after)) t.like(doc, { 'marathon.deployment.id': 'd1' })
})

test('so it is for any identities and messages, tagged or not', (t) => {
  const name = fc.option(fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }), {
    nil: undefined,
  })
  const identity = fc
    .record({
      service: name,
      task: name,
      agent: name,
      labels: fc.dictionary(fc.string(), fc.string()),
    })
    .map((parts) => {
      const known = Object.entries(parts).filter(([, value]) => value !== undefined)
      return Object.fromEntries(known)
    })
  const line = fc.record({ message: fc.string({ unit: 'binary' }), tagged: fc.boolean() })
  fc.assert(
    fc.property(identity, identity, fc.array(line, { minLength: 1 }), (from, to, lines) => {
      const docs = lines.map(({ message, tagged }, i) => {
        const [doc] = decodeDocs(record({ source: 's', first: i, messages: [message] })) as [LogDoc]
        return tagged ? { ...doc, tags: ['multiline'] } : doc
      })
      const before = encodeRecord(docs, { source: 's', lineage: 'l', identity: from })
      const after = withIdentity(before, to)
      const parsed = encodeRecord(docs, { source: 's', lineage: 'l', identity: to })
      t.is(decodeBody(after).toString(), decodeBody(parsed).toString())
      t.deepEqual(after.head, parsed.head)
    }),
  )
})

test('lines that do not end as the head says are parsed', (t) => {
  const { head, body } = record({ source: 'c1:o', identity: old, messages: ['a', 'b'] })
  const other = { ...old, agent: 'agent-1' }
  const odd = record({ source: 'c1:o', identity: other, messages: ['b'], first: 1 })
  const [first = ''] = decodeBody({ body }).toString().split('\n')
  const mixed = `${first}\n${decodeBody(odd).toString()}`
  const after = withIdentity({ head, body: encodeBody(Buffer.from(mixed)) }, complete)
  t.deepEqual(
    decodeDocs(after).map((doc) => [doc.message, doc['marathon.deployment.id'], doc['host.name']]),
    [
      ['a', 'd1', undefined],
      ['b', 'd1', undefined],
    ],
  )

  const unended = { head, body: encodeBody(decodeBody({ body }).subarray(0, -1)) }
  t.deepEqual(
    decodeDocs(withIdentity(unended, complete)),
    decodeDocs(withIdentity({ head, body }, complete)),
  )
})

test('a damaged body throws; a head that lies about its size does no harm', (t) => {
  const whole = record({ source: 'c1:o', identity: old, messages })
  t.throws(() => withIdentity({ ...whole, body: Buffer.from('no zstd') }, complete))
  t.throws(() => withIdentity({ ...whole, body: encodeBody(Buffer.from('no JSON\n')) }, complete))
  for (const bytes of [-5, 1, Number.MAX_SAFE_INTEGER]) {
    const lying = { ...whole, head: { ...whole.head, bytes } }
    t.deepEqual(withIdentity(lying, complete), withIdentity(whole, complete))
  }
})
