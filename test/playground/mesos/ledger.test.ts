import test from 'ava'
import fc from 'fast-check'
import { openLedger, type Taken } from '../../../playground/mesos/ledger.ts'
import type { Agent, TaskSpec } from '../../../playground/mesos/model.ts'

const agent = {
  hostname: 'agent-1.test',
  total: { cpus: 4, mem: 1000, disk: 100 },
  ports: [100, 119],
} as unknown as Agent

const open = () => openLedger({ agent, listening: () => new Set([105]), chance: () => 0.5 })

const spec = (cpus: number, mem: number, ports: number, executorId?: string) =>
  ({
    resources: { cpus, mem, disk: 1 },
    ports,
    ...(executorId && { executorId }),
  }) as unknown as TaskSpec

test('whatever is taken and given back, nothing is given twice and nothing gets lost', (t) => {
  const step = fc.record({
    cpus: fc.integer({ min: 1, max: 30 }).map((tenths) => tenths / 10),
    mem: fc.integer({ min: 1, max: 400 }),
    ports: fc.integer({ min: 0, max: 6 }),
    pod: fc.boolean(),
    giveBack: fc.nat(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const ledger = open()
      const held: { taken: Taken; size: number }[] = []
      for (const { cpus, mem, ports, pod, giveBack } of steps) {
        const specs = [spec(cpus, mem, ports, pod ? 'pod' : undefined)]
        if (pod) specs.push(spec(0.1, 10, 1, 'pod'))
        const before = ledger.left()
        try {
          held.push({ taken: ledger.take(specs), size: specs.length })
        } catch {
          t.deepEqual(ledger.left(), before)
          const [one] = held.splice(giveBack % Math.max(1, held.length), 1)
          for (let index = 0; index < (one?.size ?? 0); index++) one?.taken.release(index)
        }
        const left = ledger.left()
        const inUse = held.flatMap(({ taken }) => taken.ports.flat())
        if (Math.min(left.cpus, left.mem, left.disk, left.ports) < 0) return false
        if (new Set(inUse).size !== inUse.length || inUse.includes(105)) return false
        if (left.ports !== 20 - inUse.length) return false
      }
      for (const { taken, size } of held) {
        for (let index = 0; index < size; index++) taken.release(index)
      }
      t.deepEqual(ledger.left(), { cpus: 4, mem: 1000, disk: 100, ports: 20 })
      return true
    }),
    { numRuns: 200 },
  )
})

test("a pod's executor has its share until its last task is over", (t) => {
  const ledger = open()
  const taken = ledger.take([spec(1, 100, 0, 'pod'), spec(1, 100, 0, 'pod')])
  t.like(ledger.left(), { cpus: 1.9, mem: 768, disk: 88 })
  taken.release(0)
  t.like(ledger.left(), { cpus: 2.9, mem: 868, disk: 89 })
  taken.release(1)
  t.like(ledger.left(), { cpus: 4, mem: 1000, disk: 100 })
})

test('a port rests after its task: the next one gets another', (t) => {
  const ledger = open()
  const first = ledger.take([spec(1, 1, 1)])
  first.release(0)
  t.notDeepEqual(ledger.take([spec(1, 1, 1)]).ports, first.ports)
})
