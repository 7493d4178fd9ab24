import test from 'ava'
import { openGate } from '../../pipeline/gate.ts'

test('so many at once, the others in their order, also past those that fail', async (t) => {
  const gate = openGate(2)
  const under: PromiseWithResolvers<number>[] = []
  const begun: number[] = []
  const all = [0, 1, 2, 3].map((n) =>
    gate(() => {
      begun.push(n)
      const work = Promise.withResolvers<number>()
      under.push(work)
      return work.promise
    }),
  )
  t.deepEqual(begun, [0, 1])
  under[1]?.reject(new Error('no'))
  await t.throwsAsync(async () => all[1], { message: 'no' })
  t.deepEqual(begun, [0, 1, 2])
  under[0]?.resolve(10)
  under[2]?.resolve(12)
  t.is(await all[0], 10)
  t.is(await all[2], 12)
  t.deepEqual(begun, [0, 1, 2, 3])
  under[3]?.resolve(13)
  t.is(await all[3], 13)
  t.is(await gate(async () => 14), 14)
})
