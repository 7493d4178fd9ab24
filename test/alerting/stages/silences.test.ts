import test from 'ava'
import fc from 'fast-check'
import type { Labels } from '../../../alerting/stages/labels.ts'
import {
  createSilences,
  silenceRetentionMs,
  silenceState,
  type SilenceRequest,
  type Silences,
} from '../../../alerting/stages/silences.ts'
import { matcher, matchesAll, type MatcherText } from '../../../alerting/stages/matcher.ts'
import type { Operator } from '../../../pipeline/matcher-operator.ts'

const onHost: MatcherText[] = [{ name: 'host', op: '=', value: 'a' }]
const asked = { matchers: onHost, startsAt: 0, endsAt: 10_000, createdBy: 'me', comment: '' }

test('a silence mutes from its start to its end, both included', (t) => {
  const silences = createSilences()
  silences.set({ ...asked, startsAt: 5000 }, 0, 'one')
  const muted = (now: number) => silences.mutedBy({ host: 'a' }, now).length > 0
  t.deepEqual([4999, 5000, 10_000, 10_001].map(muted), [false, true, true, false])
  t.deepEqual(silences.mutedBy({ host: 'b' }, 6000), [])
})

test('what a silence demands may be a missing label, an expression, or any of its matchers', (t) => {
  const silences = createSilences()
  const set = (id: string, ...matchers: MatcherText[]) =>
    silences.set({ ...asked, matchers }, 0, id)
  set('one', { name: 'host', op: '=', value: 'a' }, { name: 'job', op: '=', value: 'x' })
  set('two', { name: 'host', op: '=~', value: 'a|b' })
  set('three', { name: 'job', op: '=', value: '' }, { name: 'host', op: '=', value: 'b' })
  set('four', { name: 'toString', op: '=', value: 'a' })
  const mutedBy = (labels: Labels) => silences.mutedBy(labels, 1)
  t.deepEqual(mutedBy({ host: 'a', job: 'x' }), ['one', 'two'])
  t.deepEqual(mutedBy({ host: 'a' }), ['two'])
  t.deepEqual(mutedBy({ host: 'b' }), ['three', 'two'])
  t.deepEqual(mutedBy({ host: 'c' }), [])
  silences.set({ ...asked, id: 'two', matchers: onHost }, 1, 'five')
  t.deepEqual(mutedBy({ host: 'b' }), ['three'])
  silences.forget(asked.endsAt + silenceRetentionMs)
  t.deepEqual(silences.list(), [])
  t.deepEqual(mutedBy({ host: 'a', job: 'x' }), [])
})

test('the index finds exactly those that match and are active', (t) => {
  const value = fc.constantFrom('', 'a', 'b')
  const name = fc.constantFrom('host', 'job', 'x')
  const one = fc.record<MatcherText>({
    name,
    op: fc.constantFrom<Operator>('=', '!=', '=~', '!~'),
    value: fc.constantFrom('', 'a', 'b', 'a|b'),
  })
  const step = fc.record({
    id: fc.constantFrom('1', '2', '3', '4'),
    matchers: fc.array(one, { minLength: 1, maxLength: 3 }),
    starts: fc.integer({ min: 0, max: 9 }),
    expire: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.dictionary(name, value), (steps, labels) => {
      const silences = createSilences()
      for (const [now, { id, matchers, starts, expire }] of steps.entries()) {
        const has = silences.list().some((silence) => silence.id === id)
        if (expire && has) silences.expire(id, now)
        else
          trySet(
            silences,
            { ...asked, matchers, startsAt: now + starts },
            now,
            has ? id : undefined,
            id,
          )
        const wanted = silences
          .list()
          .filter((silence) => silenceState(silence, now) === 'active')
          .filter((silence) => matchesAll(silence.matchers.map(matcher), labels))
        t.deepEqual(silences.mutedBy(labels, now), wanted.map((silence) => silence.id).toSorted())
      }
    }),
  )
})

/** What is refused changes nothing. */
function trySet(
  silences: Silences,
  request: SilenceRequest,
  now: number,
  changed: string | undefined,
  id: string,
): void {
  try {
    if (changed === undefined) silences.set(request, now, id)
    else silences.set({ ...request, id: changed }, now, `${id}-${now}`)
  } catch {
    // One that demands nothing.
  }
}

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
  t.is(refused({ endsAt: Number.NaN }), 'endsAt: must be a time')
  t.is(refused({ matchers: [] }), 'at least one matcher required')
  t.is(refused({ id: 'none' }), 'silence none not found')
  t.regex(refused({ matchers: [...onHost, { name: 'a', op: '=~', value: '(' }] }), /missing/)
  t.deepEqual(silences.list(), [])
  t.notThrows(() =>
    silences.set({ ...asked, matchers: [{ name: 'a', op: '!=', value: 'b' }] }, 0, 'y'),
  )
})

test('one that is ended mutes no more from this moment on; ending it again changes nothing', (t) => {
  const silences = createSilences()
  silences.set(asked, 0, 'one')
  silences.set({ ...asked, startsAt: 5000 }, 0, 'later')
  for (const id of ['one', 'later']) silences.expire(id, 1000)
  t.deepEqual(silences.mutedBy({ host: 'a' }, 1000), [])
  silences.expire('one', 2000)
  t.deepEqual(
    silences.list().map(({ startsAt, endsAt }) => [startsAt, endsAt]),
    [
      [0, 1000],
      [1000, 1000],
    ],
  )
  t.throws(() => silences.expire('none', 2000), { message: 'silence none not found' })
})
