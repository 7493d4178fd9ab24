import test from 'ava'
import { createSilences, silenceState } from '../../../alerting/stages/silences.ts'
import type { MatcherText } from '../../../alerting/stages/matcher.ts'

const onHost: MatcherText[] = [{ name: 'host', op: '=', value: 'a' }]
const asked = { matchers: onHost, startsAt: 0, endsAt: 10_000, createdBy: 'me', comment: '' }

test('a silence mutes from its start to its end', (t) => {
  const silences = createSilences()
  silences.set({ ...asked, startsAt: 5000 }, 0, 'one')
  const muted = (now: number) => silences.mutedBy({ host: 'a' }, now).length > 0
  t.deepEqual([4999, 5000, 9999, 10_000].map(muted), [false, true, true, false])
  t.deepEqual(silences.mutedBy({ host: 'b' }, 6000), [])
})

test('longer keeps the id, other matchers end the old one', (t) => {
  const silences = createSilences()
  silences.set(asked, 0, 'one')
  t.is(silences.set({ ...asked, id: 'one', endsAt: 20_000 }, 1000, 'two'), 'one')
  const other: MatcherText[] = [{ name: 'host', op: '=', value: 'b' }]
  t.is(silences.set({ ...asked, id: 'one', matchers: other }, 2000, 'two'), 'two')
  const states = silences.list().map((one) => [one.id, silenceState(one, 2000)])
  t.deepEqual(states, [
    ['one', 'expired'],
    ['two', 'active'],
  ])
})

test('what would silence everything or nothing is refused', (t) => {
  const silences = createSilences()
  const refused = (change: object) =>
    t.throws(() => silences.set({ ...asked, ...change }, 1000, 'x')).message
  const empty = 'at least one matcher must not match the empty string'
  t.is(refused({ matchers: [{ name: 'a', op: '=~', value: '.*' }] }), empty)
  t.is(refused({ endsAt: 500 }), "end time can't be in the past")
  t.is(refused({ matchers: [] }), 'at least one matcher required')
  t.is(refused({ id: 'none' }), 'silence none not found')
  t.regex(refused({ matchers: [...onHost, { name: 'a', op: '=~', value: '(' }] }), /missing/)
  t.deepEqual(silences.list(), [])
  t.notThrows(() =>
    silences.set({ ...asked, matchers: [{ name: 'a', op: '!=', value: 'b' }] }, 0, 'y'),
  )
})

test('one that has ended cannot be ended again', (t) => {
  const silences = createSilences()
  silences.set(asked, 0, 'one')
  silences.expire('one', 1000)
  t.throws(() => silences.expire('one', 1000), { message: 'silence one already expired' })
})
