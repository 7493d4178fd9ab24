import test from 'ava'
import fc from 'fast-check'
import { createDueQueue } from '../../../alerting/stages/due.ts'

test('what comes up is the earliest, whatever was set anew or deleted', (t) => {
  const step = fc.tuple(
    fc.constantFrom('set', 'delete', 'take'),
    fc.integer({ min: 0, max: 9 }).map(String),
    fc.integer({ min: 0, max: 50 }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = createDueQueue()
      const model = new Map<string, number>()
      const earliest = () => (model.size === 0 ? undefined : Math.min(...model.values()))
      for (const [what, key, at] of steps) {
        if (what === 'set') {
          queue.set(key, at)
          model.set(key, at)
        } else if (what === 'delete') {
          queue.delete(key)
          model.delete(key)
        } else {
          const taken = queue.take(at)
          const first = earliest()
          t.is(taken === undefined, first === undefined || first > at)
          if (taken !== undefined) {
            t.is(model.get(taken), first)
            model.delete(taken)
          }
        }
        t.is(queue.earliest(), earliest())
      }
    }),
  )
})
