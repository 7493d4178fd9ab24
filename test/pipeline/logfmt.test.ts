import test from 'ava'
import fc from 'fast-check'
import { parseLogfmt } from '../../pipeline/logfmt.ts'
import { parseQuery } from '../../pipeline/query.ts'

test('pairs, quoted values, numbers and names alone', (t) => {
  t.deepEqual(
    { ...parseLogfmt('level=info msg="it \\"works\\" ü" took=12ms n=-3.5 path=/a=b done empty=') },
    {
      level: 'info',
      msg: 'it "works" ü',
      took: '12ms',
      n: -3.5,
      path: '/a=b',
      done: true,
      empty: '',
    },
  )
  t.is(parseLogfmt('no pair here'), undefined)
  t.is(parseLogfmt(''), undefined)
  t.deepEqual({ ...parseLogfmt('a="never closed') }, { a: 'never closed' })
  t.deepEqual({ ...parseLogfmt('=x a=1 "=" __proto__=2') }.a, 1)
})

test('any text is read', (t) => {
  fc.assert(fc.property(fc.string(), (text) => parseLogfmt(text) !== null))
  t.pass()
})

test('a service says by its label how its messages are read', (t) => {
  const doc = (parser: string | undefined, message: string) => ({
    message,
    ...(parser === undefined ? {} : { labels: { 'mesoscope.parser': parser } }),
  })
  const query = parseQuery('status:>=500')
  t.true(query.matches(doc('logfmt', 'method=GET status=503 msg="x"')))
  t.false(query.matches(doc(undefined, 'method=GET status=503 msg="x"')))
  t.true(query.matches(doc(undefined, '{"status":503}')))
  t.false(query.matches(doc('none', '{"status":503}')))
  t.true(query.matches({ message: 'status=503', labels: { mesoscope_parser: 'logfmt' } }))
  const access = '203.0.113.9 - - [22/Nov/2026:18:25:51 +0000] "GET /cart HTTP/1.1" 502 571'
  t.true(query.matches(doc('access', access)))
  t.true(query.matches(doc(undefined, access)))
  t.false(query.matches(doc('json', access)))
})
