import fc from 'fast-check'
import type { Identity } from '../../pipeline/identity.ts'
import type { Level } from '../../pipeline/event.ts'
import type { LogRecord } from '../../pipeline/record.ts'
import { record, someTime } from '../helpers/pipeline.ts'

/*
 * Queries and lines that meet often, among them what is easily mistaken: escaped letters in JSON within JSON, letters that
 * are others in lower case, words within words, names with wildcards, and negations.
 */

const words = ['time', 'timeout', 'kill', 'ins', 'n', 'status', 'refused', 'HTTP']
const tags = [
  ...words,
  '"time out"',
  'time*',
  '*ut',
  'k?ll',
  '/time.?out/',
  'status:500',
  'status:>=500',
  'msg:timeout',
  'msg:*',
  'user.id:5',
  'level:error',
  'level:e*',
  'level:warn',
  'service:"/a"',
  'service:"/b"',
  'service:?a',
  'service:*',
  'service:a',
  'agent:one',
  'task:t1',
  'stream:stdout',
  'labels.team:shop',
  'id:"s:0"',
  '*',
]
const tag = fc.constantFrom(...tags)
/** The grammar takes two patterns in one query for one that is longer. */
const isReadable = (text: string) => text.split('/time.?out/').length <= 2
export const where = fc
  .letrec<{ query: string }>((tie) => ({
    query: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      tag,
      fc.tuple(tie('query'), tie('query')).map(([a, b]) => `(${a} AND ${b})`),
      fc.tuple(tie('query'), tie('query')).map(([a, b]) => `(${a} OR ${b})`),
      tie('query').map((one) => `(NOT ${one})`),
    ),
  }))
  .query.filter(isReadable)

const pieces = [
  ...words,
  'TIMEOUT',
  '\u212aill',
  'in\u017f',
  '\u0130ns',
  '\n',
  '\t',
  ' ',
  ' ',
  '"',
  '\\',
  '\\u0074imeout',
  '/',
  '500',
  'ü',
  '\u{1f600}',
]
const text = fc.array(fc.constantFrom(...pieces), { maxLength: 5 }).map((some) => some.join(''))
export const message = fc.oneof(
  text,
  fc
    .record(
      { msg: text, status: fc.constantFrom(200, 500, '500'), user: fc.constant({ id: 5 }) },
      { requiredKeys: [] },
    )
    .map((fields) => JSON.stringify(fields)),
  text.map((msg) => `{"st\\u0061tus":500,"msg":${JSON.stringify(msg).replaceAll('t', '\\u0074')}}`),
  text.map((msg) => `level=info status=500 msg=${JSON.stringify(msg)}`),
  fc
    .constantFrom(200, 500)
    .map((status) => `1.2.3.4 - - [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" ${status} 5`),
)
export const identity: fc.Arbitrary<Identity> = fc.record(
  {
    service: fc.constantFrom('/a', '/b', 'a', 'undefined'),
    agent: fc.constantFrom('one', 'two'),
    task: fc.constantFrom('t1', 't2'),
    labels: fc.constantFrom<Record<string, string>>(
      { team: 'shop' },
      { 'mesoscope.parser': 'logfmt' },
    ),
  },
  { requiredKeys: [] },
)
const level = fc.constantFrom<Level>('error', 'info', 'warn', 'unknown')
const line = fc.record({ message, level, afterMs: fc.nat(800) })

/** Records of a few lines, in the order in which they come; each of a source of its own. */
export const someRecords: fc.Arbitrary<LogRecord[]> = fc
  .array(fc.record({ identity, lines: fc.array(line, { minLength: 1, maxLength: 6 }) }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((records) =>
    records.map(({ identity: one, lines }, i) => {
      const times = lines.map(({ afterMs }, n) => someTime + n * 300 + afterMs)
      const messages = lines.map((each) => each.message)
      return record({
        source: `s${i}`,
        identity: one,
        messages,
        levels: lines.map((each) => each.level),
        times,
      })
    }),
  )
