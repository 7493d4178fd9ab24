import test from 'ava'
import { logEntry, reasonToNotify, type Reason } from '../../../alerting/stages/dedup.ts'

const told = (firing: string, resolved = '') =>
  logEntry({ firing: Array.from(firing), resolved: Array.from(resolved) }, 60_000, 0)

const cases: [string, ReturnType<typeof told> | undefined, string, string, Reason | undefined][] = [
  ['what was never told and fires', undefined, 'a', '', 'first notification'],
  ['what was never told and is resolved', undefined, '', 'a', undefined],
  ['one more that fires', told('a'), 'ab', '', 'new alerts added'],
  ['one that fires after all were resolved', told('', 'a'), 'a', '', 'first notification'],
  ['the last one resolved', told('a'), '', 'a', 'all alerts resolved'],
  ['one that fired and was resolved unnoticed', told('', 'a'), '', 'b', undefined],
  ['one of two resolved', told('ab'), 'a', 'b', 'some alerts resolved'],
  ['one of two resolved, told already', told('ab', 'b'), 'a', 'b', undefined],
  ['one less, without a word of it', told('ab'), 'a', '', undefined],
  ['nothing new', told('a'), 'a', '', undefined],
]

for (const [what, entry, firing, resolved, wanted] of cases) {
  test(`${what}: ${wanted ?? 'nothing'}`, (t) => {
    const situation = {
      firing: Array.from(firing),
      resolved: Array.from(resolved),
      repeatInterval: 60_000,
    }
    const reason = reasonToNotify(entry, { ...situation, sendResolved: true, now: 60_000 })
    t.is(reason, wanted)
  })
}

test('it is repeated once the interval is over, not at its end', (t) => {
  const at = (now: number, sendResolved = true) =>
    reasonToNotify(told('ab'), {
      firing: ['a'],
      resolved: [],
      sendResolved,
      repeatInterval: 60_000,
      now,
    })
  t.deepEqual([at(60_000), at(60_001)], [undefined, 'repeat interval elapsed'])
})

test('who is not told of resolved ones is told that nothing fires, so that the log forgets it', (t) => {
  const reason = (firing: string[], resolved: string[]) =>
    reasonToNotify(told('ab'), {
      firing,
      resolved,
      sendResolved: false,
      repeatInterval: 60_000,
      now: 1,
    })
  t.is(reason(['a'], ['b']), undefined)
  t.is(reason([], ['a', 'b']), 'all alerts resolved')
})
