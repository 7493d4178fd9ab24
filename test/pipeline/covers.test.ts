import test from 'ava'
import { coveringRules } from '../../pipeline/covers.ts'

const by = ['service' as const]
const cases: [title: string, where: string, by: 'service'[], covered: boolean][] = [
  ['of all services', '', by, true],
  ['of some lines of all', 'level:error', by, true],
  ['of this one', 'service:"/shop/web" AND level:error', by, true],
  ['of another', 'service:"/shop/db" AND level:error', by, false],
  ['of all but this one', 'level:error AND NOT service:"/shop/web"', by, false],
  ['of all but another', 'level:error AND NOT (service:"/shop/db")', by, true],
  ['of either', 'service:"/shop/db" OR service:"/shop/web"', by, true],
  ['of names that begin so', 'service:/^\\/shop/', by, true],
  ['of names that begin otherwise', 'service:/^\\/other/ timeout', by, false],
  ['of all together', 'level:error', [], false],
  ['of this one alone', 'service:"/shop/web"', [], true],
  ['of two together', 'service:"/shop/web" OR level:error', [], false],
]
for (const [title, where, measuredBy, covered] of cases) {
  test(`a signal ${title}${measuredBy.length > 0 ? ' by service' : ''}`, (t) => {
    const rule = { alert: 'A', reads: ['errors'], labels: {} }
    const found = coveringRules([rule], { errors: { where, by: measuredBy } }, '/shop/web')
    t.deepEqual(found, covered ? [rule] : [])
  })
}

test('all signals of a rule have to look at it, and have to be there', (t) => {
  const signals = { a: { where: '', by }, b: { where: 'service:"/x"', by } }
  const rule = (...reads: string[]) => ({ alert: 'A', reads, labels: {} })
  t.is(coveringRules([rule('a')], signals, '/y').length, 1)
  t.is(coveringRules([rule('a', 'b'), rule('c'), rule()], signals, '/y').length, 0)
})
