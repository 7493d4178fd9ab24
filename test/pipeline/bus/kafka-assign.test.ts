import test from 'ava'
import fc from 'fast-check'
import { assign } from '../../../pipeline/bus/kafka-assign.ts'

test('one member has all, two have halves, and who has some keeps them', (t) => {
  t.deepEqual([...assign([{ id: 'a', owned: [] }], 4)], [['a', [0, 1, 2, 3]]])
  const joined = [
    { id: 'a', owned: [0, 1, 2, 3] },
    { id: 'b', owned: [] },
  ]
  t.deepEqual(
    [...assign(joined, 4)],
    [
      ['a', [0, 1]],
      ['b', []],
    ],
    'what a gives up nobody has yet',
  )
  const givenUp = [
    { id: 'a', owned: [0, 1] },
    { id: 'b', owned: [] },
  ]
  t.deepEqual(
    [...assign(givenUp, 4)],
    [
      ['a', [0, 1]],
      ['b', [2, 3]],
    ],
  )
})

test('a topic of one partition stays where it is when others join', (t) => {
  const members = [
    { id: 'a', owned: [] },
    { id: 'b', owned: [0] },
    { id: 'c', owned: [] },
  ]
  t.deepEqual(assign(members, 1).get('b'), [0])
})

test('whoever joins and leaves: no partition has two owners, all have one soon, shares are even', (t) => {
  const anything = fc.record({
    partitions: fc.integer({ min: 1, max: 12 }),
    members: fc.array(fc.array(fc.nat(14), { maxLength: 12 }), { minLength: 1, maxLength: 6 }),
  })
  fc.assert(
    fc.property(anything, ({ partitions, members }) => {
      let state = members.map((owned, i) => ({ id: `m${i}`, owned: [...new Set(owned)] }))
      const before = new Map<number, string>()
      for (let round = 0; round < 3; round++) {
        const given = assign(state, partitions)
        const all = [...given.values()].flat()
        t.is(new Set(all).size, all.length, 'nothing is given twice')
        const had = new Map(state.flatMap(({ id, owned }) => owned.map((p) => [p, id] as const)))
        const twice = new Set(
          state.flatMap(({ owned }) => owned).filter((p, i, every) => every.indexOf(p) !== i),
        )
        for (const [id, share] of given) {
          for (const partition of share) {
            if (!twice.has(partition)) t.is(had.get(partition) ?? id, id, 'nobody else has it')
          }
        }
        state = state.map(({ id }) => ({ id, owned: given.get(id) ?? [] }))
      }
      const sizes = state.map(({ owned }) => owned.length)
      t.is(
        sizes.reduce((a, b) => a + b),
        partitions,
      )
      t.true(Math.max(...sizes) - Math.min(...sizes) <= 1)
      for (const { id, owned } of state) for (const partition of owned) before.set(partition, id)
      const again = assign(state, partitions)
      for (const [id, share] of again) {
        for (const partition of share) t.is(before.get(partition), id, 'then it stays so')
      }
    }),
  )
})
