import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openEmbeddedBus } from '../../../pipeline/bus/embedded.ts'
import { wallClock } from '../../../pipeline/clock.ts'
import { isRetryable, Trouble } from '../../../pipeline/errors.ts'
import { busContract } from '../../contracts/bus.ts'
import { listen, produced, readAll, text } from '../../contracts/bus-subject.ts'
import { rejection, until } from '../../contracts/suite.ts'
import { startChild } from '../child.ts'
import { openEmbeddedSubject } from './embedded-subject.ts'

busContract(test.serial, () => openEmbeddedSubject())

async function openSubject(t: ExecutionContext) {
  const subject = await openEmbeddedSubject()
  t.teardown(subject.clean)
  return subject
}

async function emptyDirectory(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-bus-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const mib = 2 ** 20
const large = (partition: number) => ({ key: 'big', value: Buffer.alloc(mib), partition })

/** Produces logs until the bus refuses; gives the refusal. */
async function fill(t: ExecutionContext, { bus }: Awaited<ReturnType<typeof openSubject>>) {
  for (let n = 0; n < 10; n++) {
    const error = await bus.produce('logs', [large(0)]).catch((refusal: unknown) => refusal)
    if (error) return error as Error
  }
  return t.fail('the bus takes more than it may')
}

test.serial(
  'killed in the midst of writing, the bus has every record it acknowledged, once',
  async (t) => {
    const dir = await emptyDirectory(t)
    for (let round = 0, before = 0; round < 3; round++) {
      const child = startChild(t, 'bus/producing.ts', [dir])
      await child.waitFor(30)
      await child.kill()
      t.is(Number(child.lines[0]), before, 'it went on where the bus ended')
      before = await written(dir)
      t.true(before > child.last(), `${child.last()} was acknowledged`)
      t.true(before <= child.last() + 2, 'at most the one under way besides')
    }
  },
)

/** All records, which must be numbered without a gap. */
async function written(dir: string): Promise<number> {
  const bus = await openEmbeddedBus({ dir, clock: wallClock })
  try {
    const numbers = (await readAll(bus, 'changes', 0)).map((record) =>
      Number(text(record).split(' ')[0]),
    )
    for (const [i, n] of numbers.entries()) if (i !== n) throw new Error(`${n} stands at ${i}`)
    return numbers.length
  } finally {
    await bus.close()
  }
}

test.serial(
  'a full bus refuses logs, to be tried again, and goes on when they have been read',
  async (t) => {
    const subject = await openSubject(t)
    const { bus, clock } = subject
    const held = Promise.withResolvers<void>()
    const reader = listen(bus, { group: 'index', onBatch: () => held.promise })
    const error = await fill(t, subject)
    t.true(error instanceof Trouble && isRetryable(error))
    t.regex(error.message, /bus\.db is full/)
    t.truthy((error as Trouble).remedy)
    const waiting = (await bus.ends('logs'))[0] ?? 0
    t.true(isRetryable(await rejection(t, bus.produce('logs', [large(1)]))))

    held.resolve()
    await until(
      'all to be read',
      async () => (await bus.committed('index', 'logs')).get(0) === waiting,
    )
    await until('room', async () => {
      clock.set(clock.now() + 6000)
      return bus.produce('logs', [large(1)]).then(
        () => true,
        () => false,
      )
    })
    await until('the record', () => reader.seen.some(({ partition }) => partition === 1))
    t.is(reader.seen.filter(({ partition }) => partition === 0).length, waiting)
  },
)

test.serial(
  'what processors make of the logs is taken while the bus is full of logs',
  async (t) => {
    const subject = await openSubject(t)
    await fill(t, subject)
    for (const topic of ['state', 'signals', 'dead', 'alerts'] as const) {
      await subject.bus.produce(topic, [produced('a', 1)])
      t.is((await readAll(subject.bus, topic, 0)).length, 1, topic)
    }
  },
)

test.serial(
  'produced side by side, logs that are refused take nothing else with them',
  async (t) => {
    const subject = await openSubject(t)
    await fill(t, subject)
    const outcomes = await Promise.allSettled([
      subject.bus.produce('logs', [large(0)]),
      subject.bus.produce('state', [produced('a', 1)]),
      subject.bus.produce('logs', [large(0)]),
      subject.bus.produce('signals', [produced('a', 1)]),
      subject.bus.produce('metrics', [large(0)]),
      subject.bus.produce('changes', [produced('a', 1)]),
    ])
    t.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
    )
  },
)

test.serial('a group that has joined and read nothing yet is not trimmed past', async (t) => {
  const subject = await openSubject(t)
  const { bus } = subject
  await bus.produce('logs', [produced('a', 'first', { partition: 0 })])
  let refusals = 0
  const slow = listen(bus, {
    group: 'measure',
    async onBatch() {
      if (refusals++ < 2) throw new Error('not yet')
    },
  })
  const fast = listen(bus, { group: 'index' })
  await until('the fast group', () => fast.seen.length === 1)
  await until('a refusal', () => refusals > 0)
  await subject.trim()
  await until('the slow group', () => slow.seen.length === 1)
  t.deepEqual(slow.texts(), ['first'])
})

test.serial(
  'a group that goes back to its snapshot finds what it had read a moment ago',
  async (t) => {
    const subject = await openSubject(t)
    const { bus, clock } = subject
    const before = listen(bus, { group: 'measure' })
    await bus.produce('logs', [produced('a', 'counted, not in the snapshot', { partition: 0 })])
    await until('the record', async () => (await bus.committed('measure', 'logs')).get(0) === 1)
    await before.close()
    clock.set(clock.now() + 1000)
    await bus.produce('signals', [{ key: 'filler', value: Buffer.alloc(5 * mib) }])
    // Each of these makes room first, as far as it may.
    for (let n = 0; n < 3; n++) await bus.produce('signals', [produced('a', n)])
    const after = listen(bus, { group: 'measure', onAssigned: async () => new Map([[0, 0]]) })
    await until('the record', () => after.seen.length === 1)
    t.deepEqual(after.texts(), ['counted, not in the snapshot'])
  },
)

test.serial(
  'a member that joins while another leaves never shares a partition with it',
  async (t) => {
    const { bus } = await openSubject(t)
    const held = Promise.withResolvers<void>()
    const inside = new Set<string>()
    const member = (name: string) =>
      listen(bus, {
        group: 'index',
        async onBatch({ partition }) {
          t.deepEqual(
            [...inside].filter((one) => one.startsWith(`${partition} `)),
            [],
          )
          inside.add(`${partition} ${name}`)
          await held.promise
          inside.delete(`${partition} ${name}`)
        },
      })
    const [a, b] = [member('a'), member('b')]
    await bus.produce(
      'logs',
      [0, 1, 2, 3].map((partition) => produced('a', 1, { partition })),
    )
    await until('all under way', () => inside.size === 4)
    const leaving = [a.close(), b.close()]
    const c = member('c')
    held.resolve()
    await Promise.all(leaving)
    await bus.produce(
      'logs',
      [0, 1, 2, 3].map((partition) => produced('a', 2, { partition })),
    )
    await until('the rest', () => c.texts().filter((one) => one === '2').length === 4)
    t.is(a.seen.length + b.seen.length + c.seen.length, 8)
  },
)

test.serial('a closed bus says so', async (t) => {
  const { bus } = await openSubject(t)
  await bus.close()
  for (const error of [
    await rejection(t, bus.produce('logs', [produced('a', 1)])),
    t.throws(() => listen(bus, { group: 'index' })),
  ]) {
    t.true(error instanceof Trouble)
    t.regex(error.message, /closed/)
  }
  await t.notThrowsAsync(bus.close(), 'closing twice is nothing')
})

test.serial(
  'a partition that is not there is refused, and nobody else fails with it',
  async (t) => {
    const { bus } = await openSubject(t)
    const outcomes = await Promise.allSettled([
      bus.produce('logs', [produced('a', 1)]),
      bus.produce('logs', [produced('a', 1, { partition: 4 })]),
      bus.produce('logs', [produced('a', 2)]),
    ])
    t.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
  },
)

test.serial('a damaged bus file is named with what to do', async (t) => {
  const dir = await emptyDirectory(t)
  await writeFile(
    join(dir, 'bus.db'),
    'this is no database, and long enough to be one: '.repeat(100),
  )
  const error = await rejection(t, openEmbeddedBus({ dir, clock: wallClock }))
  t.true(error instanceof Trouble, error.message)
  t.regex(error.message, /bus\.db is damaged/)
  t.truthy((error as Trouble).remedy)
})
