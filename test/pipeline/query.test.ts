import test from 'ava'
import { isRetryable, Trouble } from '../../pipeline/errors.ts'
import { parsePattern, parseQuery } from '../../pipeline/query.ts'
import { docsOf, openSource } from '../contracts/lines.ts'
import { queries, refused, said, type Said } from '../contracts/queries.ts'
import { toLine } from '../contracts/store-queries.ts'

const names = Object.keys(said) as Said[]
const docs = docsOf(
  openSource('c1:o', { service: '/shop/web', labels: { team: 'shop' } }).write(
    ...names.map(toLine),
  ),
)

for (const { query, finds, because } of queries) {
  test(`${query || '(empty)'}: ${because}`, (t) => {
    const { matches, words, levels, onlyLevel } = parseQuery(query)
    t.deepEqual(
      names.filter((_, i) => matches(docs[i]!)),
      finds,
    )
    for (const doc of docs.filter(matches)) {
      if (levels)
        t.true(levels.includes(doc['log.level']), 'levels names those of all matching lines')
      t.true(words.every((word) => /^[a-z0-9]+$/.test(word)))
    }
    if (onlyLevel)
      t.deepEqual(
        docs.filter(matches),
        docs.filter((doc) => !levels || levels.includes(doc['log.level'])),
      )
  })
}

for (const query of refused) {
  test(`the query ${query.slice(0, 20)} is refused in words`, (t) => {
    const error = t.throws(() => parseQuery(query), { instanceOf: Trouble })
    t.false(isRetryable(error))
    t.true(error.message.length > 10)
  })
}

const patterns: [pattern: string, text: string, found: boolean][] = [
  ['cart', 'GET /cart', true],
  ['/cart', 'GET /cart', true],
  ['a.c', 'xabcx', true],
  ['a.c', 'ac', false],
  ['^GET', 'GET /cart', true],
  ['\\d{3}$', 'status 502', true],
  ['(a+)+$', `${'a'.repeat(5000)}b`, false],
  ['a_b', 'a_b', true],
]
for (const [pattern, text, found] of patterns) {
  test(`the pattern ${pattern} ${found ? 'is' : 'is not'} in ${text.slice(0, 20)}`, (t) => {
    t.is(parsePattern(pattern).test(text), found)
  })
}

for (const pattern of ['(', '[z-a]', '(?=look)', '\\1']) {
  test(`the pattern ${pattern} is refused with what to write instead`, (t) => {
    const error = t.throws(() => parsePattern(pattern), { instanceOf: Trouble })
    t.regex(error.remedy ?? '', /RE2/)
  })
}
