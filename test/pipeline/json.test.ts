import test from 'ava'
import fc from 'fast-check'
import { parseJson } from '../../pipeline/json.ts'

test('what a number holds exactly is read as JSON.parse reads it', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value)
      const hasLong = /\d{16,}/.test(text)
      if (!hasLong) t.deepEqual(parseJson(text), JSON.parse(text))
    }),
  )
  t.pass()
})

test('integers beyond 2^53 keep every digit, wherever they stand', (t) => {
  fc.assert(
    fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n }), fc.boolean(), (value, negative) => {
      const whole = negative ? -value : value
      t.deepEqual(parseJson(`{"a":[${whole}, 1],"b":{"c": ${whole}}}`), {
        a: [whole, 1],
        b: { c: whole },
      })
    }),
  )
  t.deepEqual(parseJson('{"nanoseconds":1501191957829317120,"cpus":0.1}'), {
    nanoseconds: 1501191957829317120n,
    cpus: 0.1,
  })
})

/** By the source of each value: exact, and slow. */
function revived(text: string): unknown {
  const revive = (_: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d{1,40}$/.test(source ?? '')
      ? BigInt(source as string)
      : value
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown)
}

test('a document is what it is by the source of each value', (t) => {
  const long = fc.constantFrom(
    '9007199254740993',
    '9007199254740992',
    '1501191957829317120',
    '1501191957829317121',
    '-1501191957829317120',
    '1501191957829317120.0',
    '1.5e20',
    '150000000000000000000',
    '1e-05',
    '0.12345678901234567890',
    '9'.repeat(41),
    '9'.repeat(40),
    '5',
    '"1501191957829317120"',
    '":1501191957829317121,"',
    '"a"',
    'null',
    '{}',
    '[]',
  )
  const key = fc.constantFrom('"a"', '"1"', '"0"', '"__proto__"', '"x:1501191957829317122,"', '"a"')
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      { weight: 4, arbitrary: long },
      fc.array(tie('value')).map((parts) => `[${parts.join(', ')}]`),
      fc
        .array(fc.tuple(key, tie('value')))
        .map((parts) => `{${parts.map(([name, one]) => `${name}: ${one as string}`).join(',')}}`),
    ),
  }))
  const check = (text: unknown) => t.deepEqual(parseJson(text as string), revived(text as string))
  t.notThrows(() => fc.assert(fc.property(value, check), { numRuns: 5000 }))
})

const kept: [sentence: string, text: string, value: unknown][] = [
  ['a long text of digits', '{"id": "12345678901234567890"}', { id: '12345678901234567890' }],
  ['a long fraction', '[0.12345678901234567890]', [Number('0.12345678901234567890')]],
  ['an exponent', '[12345678901234567890e3]', [Number('12345678901234567890e3')]],
  ['sixteen digits that fit', '[9007199254740991]', [9007199254740991]],
  ['a number longer than any counter', `[${'9'.repeat(400)}]`, [Infinity]],
]
for (const [sentence, text, value] of kept) {
  test(`${sentence} stays what it was`, (t) => t.deepEqual(parseJson(text), value))
}

test('broken JSON throws a SyntaxError, deep JSON throws at most a RangeError', (t) => {
  t.throws(() => parseJson('{"a":12345678901234567890'), { instanceOf: SyntaxError })
  const deep = `${'['.repeat(200_000)}12345678901234567890${']'.repeat(200_000)}`
  t.throws(() => parseJson(deep), { instanceOf: RangeError })
})
