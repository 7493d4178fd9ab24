import type { Batch } from '../../pipeline/bus/bus.ts'
import { keysByPartition, listen, produced, text, type BusSubject } from './bus-subject.ts'
import { until, type Case } from './suite.ts'

/* A batch may hold something: the next one comes meanwhile, and nothing is committed beyond what is held. */

const [key = ''] = keysByPartition('changes')
const three = [1, 2, 3].map((n) => produced(key, n))

async function committed({ bus }: BusSubject): Promise<number> {
  return (await bus.committed('index', 'changes')).get(0) ?? 0
}

async function untilCommitted(subject: BusSubject, position: number): Promise<void> {
  const { patienceMs } = subject
  await until(
    `${position} to be committed`,
    async () => (await committed(subject)) === position,
    patienceMs,
  )
}

/** A member whose first batch, of one record, holds what the test settles; of each attempt the text is remembered. */
function holding(
  { bus }: BusSubject,
  held: { promise: Promise<void> },
  onFailure?: (error: unknown, batch: Batch) => void,
) {
  const attempts: string[] = []
  const { seen, close } = listen(bus, {
    group: 'index',
    topic: 'changes',
    maxBytes: 1,
    async onBatch({ records }) {
      const [first] = records.map(text)
      attempts.push(first ?? '')
      return first === '1' && attempts.length === 1 ? { settled: held.promise } : undefined
    },
    ...(onFailure ? { onFailure } : {}),
  })
  return { attempts, seen, close }
}

export const heldCases: Case<BusSubject>[] = [
  {
    title:
      'a batch that holds something holds up no other, and nothing newer is committed before it',
    async run(t, subject) {
      const held = Promise.withResolvers<void>()
      try {
        const { seen, close } = holding(subject, held)
        await subject.bus.produce('changes', three)
        await until('all records', () => seen.length === 3, subject.patienceMs)
        t.is(await committed(subject), 0)
        held.resolve()
        await untilCommitted(subject, 3)
        await close()
      } finally {
        held.resolve()
      }
    },
  },
  {
    title: 'what fails while it is held comes again, and newer ones are committed only after it',
    async run(t, subject) {
      const held = Promise.withResolvers<void>()
      const refusal = new Error('the store is away')
      const told: unknown[] = []
      try {
        const { attempts, close } = holding(subject, held, (error, batch) =>
          told.push([error, batch.records.map(text)]),
        )
        await subject.bus.produce('changes', three)
        await until('all records', () => attempts.length === 3, subject.patienceMs)
        held.reject(refusal)
        await untilCommitted(subject, 3)
        await close()
        t.deepEqual(attempts, ['1', '2', '3', '1'])
        t.deepEqual(told, [[refusal, ['1']]])
      } finally {
        held.resolve()
      }
    },
  },
  {
    title: 'who leaves a group waits for what its batches hold',
    async run(t, subject) {
      const held = Promise.withResolvers<void>()
      try {
        let left = false
        const { seen, close } = holding(subject, held)
        await subject.bus.produce('changes', three)
        await until('all records', () => seen.length === 3, subject.patienceMs)
        const closing = close().then(() => void (left = true))
        await new Promise((resolve) => setTimeout(resolve, 50))
        t.is(left, false)
        held.resolve()
        await closing
        t.is(await committed(subject), 3)
      } finally {
        held.resolve()
      }
    },
  },
]
