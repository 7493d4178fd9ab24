import fc from 'fast-check'
import test from 'ava'
import { parseMatchers as readByServer } from '../../alerting/stages/matchers.ts'
import type { Operator } from '../../pipeline/matcher-operator.ts'
import { matchersText as writtenByServer } from '../../alerting/stages/matcher.ts'
import type { DeskMatcher } from '../../pipeline/notification-desk.ts'

interface PageMatchers {
  parseMatchers(text: string): DeskMatcher[] | undefined
  matchersText(matchers: DeskMatcher[]): string
  matchersOf(labels: Record<string, string>): DeskMatcher[]
  labelsKey(labels: Record<string, string>): string
}
const load = (name: string) =>
  import(new URL(`../../dashboards/page/${name}`, import.meta.url).href) as Promise<unknown>
const { parseMatchers, matchersText, matchersOf, labelsKey } = (await load(
  'matchers.js',
)) as PageMatchers
const { left } = (await load('time.js')) as { left(ms: number): string }

const is = (name: string, value: string, operator = '='): DeskMatcher => ({
  name,
  value,
  isRegex: operator.endsWith('~'),
  isEqual: operator.startsWith('='),
})

const read: [text: string, matchers: DeskMatcher[] | undefined][] = [
  ['{service="/web",alertname=~"A.*"}', [is('service', '/web'), is('alertname', 'A.*', '=~')]],
  ['a="b", c!=d', [is('a', 'b'), is('c', 'd', '!=')]],
  ['{ a !~ "x|y" , }', [is('a', 'x|y', '!~')]],
  [String.raw`{a="q\"\\\n",b=~"\d+\.x"}`, [is('a', 'q"\\\n'), is('b', String.raw`\d+\.x`, '=~')]],
  [String.raw`{"a b"="\t\x41é"}`, [is('a b', '\tAé')]],
  ['{a="}",b="{,"}', [is('a', '}'), is('b', '{,')]],
  ['{}', []],
  ['', []],
  ['web', undefined],
  ['{a="b" c="d"}', undefined],
  ['{a="b}', undefined],
  ['{="b"}', undefined],
]
for (const [text, matchers] of read) {
  test(`the page reads ${JSON.stringify(text)}`, (t) => t.deepEqual(parseMatchers(text), matchers))
}

const anyMatcher = fc
  .record({
    name: fc.oneof(fc.stringMatching(/^[a-zA-Z_]\w{0,8}$/), fc.string({ minLength: 1 })),
    value: fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.stringMatching(/^["\\n,{}=~! \n\tab]{0,12}$/),
    ),
    isEqual: fc.boolean(),
  })
  // An expression would have to be one.
  .map((one) => ({ ...one, isRegex: false }))

test('what the page writes the page and the server read as it was', (t) => {
  const property = fc.property(fc.array(anyMatcher, { minLength: 1, maxLength: 4 }), (matchers) => {
    const text = matchersText(matchers)
    t.deepEqual(parseMatchers(text), matchers)
    const served = readByServer(text).map(({ name, op, value }) => is(name, value, op))
    t.deepEqual(served, matchers)
  })
  fc.assert(property, { numRuns: 500 })
})

test('what the server writes the page reads', (t) => {
  const property = fc.property(anyMatcher, (matcher) => {
    const op: Operator = matcher.isEqual ? '=' : '!='
    const { name, value } = matcher
    t.deepEqual(parseMatchers(writtenByServer([{ name, op, value }])), [matcher])
  })
  fc.assert(property, { numRuns: 500 })
})

test('labels are the same in any order, and an empty one is none', (t) => {
  t.is(labelsKey({ a: '1', b: '2', c: '' }), labelsKey({ b: '2', a: '1' }))
  t.not(labelsKey({ a: '1' }), labelsKey({ a: '2' }))
  t.deepEqual(matchersOf({ a: '1', b: '' }), [is('a', '1')])
})

test('time left is told in two units where one would hide much', (t) => {
  const minute = 60_000
  t.deepEqual(
    [
      0,
      42_000,
      42 * minute + 5000,
      119 * minute,
      120 * minute,
      1440 * minute + 1,
      6.2 * 1440 * minute,
    ].map(left),
    ['0 s', '42 s', '42 min', '1 h 59 min', '2 h', '1 d', '6 d 4 h'],
  )
})
