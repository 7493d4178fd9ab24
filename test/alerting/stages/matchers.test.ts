import test from 'ava'
import fc from 'fast-check'
import { matcher, matchersText, matchesAll, matcherText } from '../../../alerting/stages/matcher.ts'
import type { MatcherText } from '../../../alerting/stages/matcher.ts'
import type { Operator } from '../../../pipeline/matcher-operator.ts'
import { parseClassicMatchers, parseMatchers } from '../../../alerting/stages/matchers.ts'
import { parseUtf8Matchers } from '../../../alerting/stages/matchers-utf8.ts'

test('a regular expression must take the whole value, over no line end', (t) => {
  const { test: matches } = matcher({ name: 'a', op: '=~', value: 'b|cd' })
  t.deepEqual(['b', 'cd', 'bd', 'xb', ''].map(matches), [true, true, false, false, false])
  t.false(matcher({ name: 'a', op: '=~', value: '.*' }).test('a\nb'))
})

test('a missing label has the empty value', (t) => {
  const matches = (text: string) => matchesAll(parseMatchers(text), { b: 'x' })
  t.deepEqual(['a=""', 'a!="x"', 'a=~".+"', 'toString=""'].map(matches), [true, true, false, true])
})

test('where only one grammar takes a text, that one counts', (t) => {
  t.is(parseMatchers('a.b=c')[0]?.name, 'a.b')
  t.is(parseMatchers('a=')[0]?.value, '')
  t.is(parseMatchers('a="\\x41"')[0]?.value, '\\x41')
  t.throws(() => parseMatchers('{a}'), { message: 'bad matcher format: a' })
})

test('an open brace wants its close brace', (t) => {
  t.throws(() => parseUtf8Matchers('{a=b'), { message: '0:4: end of input: expected close brace' })
  t.throws(() => parseUtf8Matchers('{a=b} c'), { message: '6:7: c: expected end of input' })
})

test('a name with other signs is quoted, and its value then has all of Go’s escapes', (t) => {
  t.is(matcherText({ name: 'a b', op: '=', value: 'x\ty' }), '"a b"="x\\ty"')
  t.is(matcherText({ name: 'ab', op: '=', value: 'x\ty' }), 'ab="x\ty"')
  // Neither is white space to the other of JavaScript and Go.
  t.is(matcherText({ name: 'a\ufeff', op: '=', value: 'x' }), 'a\ufeff="x"')
  t.is(matcherText({ name: 'a\u0085', op: '=', value: 'x' }), '"a\\u0085"="x"')
  t.deepEqual(parseClassicMatchers('a=b\u0085'), [{ name: 'a', op: '=', value: 'b' }])
})

test('a text that ends within an operator says so', (t) => {
  t.throws(() => parseUtf8Matchers('a!'), {
    message: /^1:2: unexpected end of input, expected one of '=~'/,
  })
  t.throws(() => parseUtf8Matchers('a!b'), { message: /^1:2: !: expected one of '=~'/ })
})

test('what is written is read again', (t) => {
  const one = fc.record<MatcherText>({
    name: fc.stringMatching(/^[a-z_][a-z0-9_]*$/),
    op: fc.constantFrom<Operator>('=', '!='),
    value: fc.string(),
  })
  fc.assert(
    fc.property(one, (text) => {
      t.deepEqual(parseClassicMatchers(matcherText(text)), [text])
    }),
  )
})

test('the order in which matchers stand is of no account', (t) => {
  const texts = parseMatchers('b=c,a=~d,a=b')
  t.is(matchersText(texts), '{a="b",a=~"d",b="c"}')
})
