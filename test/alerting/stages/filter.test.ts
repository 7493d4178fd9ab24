import test from 'ava'
import fc from 'fast-check'
import { parseFilter } from '../../../alerting/stages/filter.ts'
import { matcherText } from '../../../alerting/stages/matcher.ts'
import { Trouble } from '../../../pipeline/errors.ts'

for (const [text, name, op, value] of [
  ['a=b', 'a', '=', 'b'],
  [' a != "b c" ', 'a', '!=', 'b c'],
  ['a=~b|c', 'a', '=~', 'b|c'],
  ['a!~"x,y"', 'a', '!~', 'x,y'],
  ['a=b,c', 'a', '=', 'b,c'],
  ['a=', 'a', '=', ''],
  ['"a b"="c"', 'a b', '=', 'c'],
  ['ü=~"é+"', 'ü', '=~', 'é+'],
] as const) {
  test(`${text} is one matcher`, (t) => {
    const { isRegex, isEqual, ...read } = parseFilter(text)
    t.like(read, { name, value })
    t.is(`${isEqual ? '=' : '!'}${isRegex ? '~' : isEqual ? '' : '='}`, op)
  })
}

for (const [text, sentence] of [
  ['{a="b"}', 'unexpected open or close brace: {a="b"}'],
  ['a=b}', 'unexpected open or close brace: a=b}'],
  ['a="b",c="d"', 'matcher value contains unescaped double quote: "b",c="d"'],
  ['"a b"=c,"d e"=f', 'bad matcher format: "a b"=c,"d e"=f'],
  ['', 'bad matcher format: '],
  ['a', 'bad matcher format: a'],
  ['a=~"("', 'error parsing regexp: missing closing ): `^(?:()$`'],
] as const) {
  test(`"${text}" is none`, (t) => {
    t.is(t.throws(() => parseFilter(text), { instanceOf: Trouble }).message, sentence)
  })
}

test('what it says of a value', (t) => {
  const { test: says } = parseFilter('a!~b.*')
  t.deepEqual(['', 'b', 'bc', 'abc'].map(says), [true, false, false, true])
})

test('a matcher that is written out is read again', (t) => {
  const text = fc.string({ unit: 'binary' }).map((one) => one.toWellFormed())
  const op = fc.constantFrom('=' as const, '!=' as const)
  fc.assert(
    fc.property(text, op, text, (name, op, value) => {
      fc.pre(name !== '')
      const written = matcherText({ name, op, value })
      fc.pre(!written.endsWith('}') && !written.startsWith('{'))
      t.like(parseFilter(written), { name, value, isEqual: op === '=', isRegex: false })
    }),
  )
})
