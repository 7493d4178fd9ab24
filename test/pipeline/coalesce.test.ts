import test from 'ava'
import { coalesce } from '../../pipeline/coalesce.ts'

function gatedBatches(most?: number) {
  const ran: string[][] = []
  const gates: PromiseWithResolvers<void>[] = []
  const add = coalesce<string>(async (items) => {
    ran.push(items)
    const gate = Promise.withResolvers<void>()
    gates.push(gate)
    await gate.promise
  }, most)
  return { ran, gates, add }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('what comes while one is under way goes together, in order, afterwards', async (t) => {
  const { ran, gates, add } = gatedBatches(3)
  const done = [add('a')]
  await turn()
  done.push(...['b', 'c', 'd', 'e'].map(add))
  await turn()
  t.deepEqual(ran, [['a']])
  gates[0]?.resolve()
  await turn()
  t.deepEqual(ran, [['a'], ['b', 'c', 'd']])
  gates[1]?.resolve()
  await turn()
  t.deepEqual(ran, [['a'], ['b', 'c', 'd'], ['e']])
  gates[2]?.resolve()
  await Promise.all(done)
})

test('a batch that fails fails its own items alone, and the next one runs', async (t) => {
  const { gates, add } = gatedBatches()
  const first = add('a')
  await turn()
  const second = add('b')
  gates[0]?.reject(new Error('away'))
  await t.throwsAsync(first, { message: 'away' })
  await turn()
  gates[1]?.resolve()
  await t.notThrowsAsync(second)
})
