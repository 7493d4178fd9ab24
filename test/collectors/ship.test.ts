import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { openShipper } from '../../collectors/ship.ts'
import type { Collector } from '../../collectors/sink.ts'
import { openSpool } from '../../collectors/spool.ts'
import type { Bus, Topic } from '../../pipeline/bus/bus.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { fromBusRecord } from '../../pipeline/record.ts'
import { openBus, readAll, record, tempDir, until } from '../helpers/pipeline.ts'
import { samplesOf } from '../helpers/samples.ts'

interface World {
  dir: string
  bus: Bus
  /** While it answers true, produce on this topic is refused. */
  refuses: (topic: Topic, records: readonly { headers?: Record<string, string> }[]) => boolean
  through: number
  /** The first goes by `through`. */
  collectors: Pick<Collector, 'through' | 'trouble'>[]
}

async function open(t: ExecutionContext, { dir, bus }: Partial<World> = {}) {
  const world: World = {
    dir: dir ?? (await tempDir(t)),
    bus: bus ?? (await openBus(t)),
    refuses: () => false,
    through: 0,
    collectors: [{ through: () => world.through, trouble: () => undefined }],
  }
  const metrics = openMetrics()
  const parts = { clock: wallClock, metrics, log: silentLog }
  const spool = await openSpool({ dir: world.dir, maxBytes: 2 ** 30, whenFull: 'block', ...parts })
  const moody: Bus = {
    ...world.bus,
    async produce(topic, records) {
      if (world.refuses(topic, records)) throw new Trouble('the bus is away', { retryable: true })
      await world.bus.produce(topic, records)
    },
  }
  const shipper = openShipper({
    name: 'here',
    spool,
    bus: moody,
    collectors: world.collectors as Collector[],
    markEveryMs: 20,
    ...parts,
  })
  const close = async () => {
    await shipper.close()
    await spool.close()
  }
  t.teardown(close)
  return { world, spool, shipper, metrics, close }
}

const isMark = ({ headers }: { headers?: Record<string, string> }) => headers?.['kind'] === 'mark'

async function shippedSequences(bus: Bus, source = 'a'): Promise<number[]> {
  const records = (await readAll(bus, 'logs')).filter((one) => !isMark(one))
  return records
    .map((one) => fromBusRecord(one).head)
    .filter((head) => head.source === source)
    .map((head) => head.sequence[0])
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

test('carries everything over in its order and empties the spool', async (t) => {
  const { world, spool } = await open(t)
  for (let i = 0; i < 50; i++) {
    await spool.append({
      records: [record({ source: 'a', first: i }), record({ source: 'b', first: i })],
      identities: [{ container: 'a', service: `/v${i}` }],
    })
  }
  await until('all is there', async () => (await world.bus.ends('identity'))[0] === 50)
  t.deepEqual(await shippedSequences(world.bus, 'a'), upTo(50))
  t.deepEqual(await shippedSequences(world.bus, 'b'), upTo(50))
  const [newest] = (await world.bus.snapshot('identity')).latest.values()
  t.is(Buffer.from(newest?.value ?? []).toString(), '{"container":"a","service":"/v49"}')
})

test('a bus that refuses is tried again; nothing is lost, and the trouble is told', async (t) => {
  const { world, spool, shipper, metrics } = await open(t)
  let [refusals, isAway] = [0, true]
  world.refuses = (topic, records) => {
    const refused = isAway && topic === 'logs' && !records.some(isMark)
    if (refused) refusals++
    return refused
  }
  for (let i = 0; i < 20; i++) await spool.append({ records: [record({ source: 'a', first: i })] })
  await until('trouble is told', () => shipper.trouble() === 'the bus is away' && refusals >= 2)
  isAway = false
  await until('all is there', async () => (await shippedSequences(world.bus)).length >= 20)
  t.deepEqual(await shippedSequences(world.bus), upTo(20))
  await until('all is well again', () => shipper.trouble() === undefined)
  const { values } = await metrics.produce_failures_total.get()
  t.deepEqual(values, [{ value: refusals, labels: { topic: 'logs' } }])
})

test('closed while one topic is refused and another is not, it keeps all in the spool', async (t) => {
  const { world, spool, shipper, close } = await open(t)
  world.refuses = (topic) => topic === 'logs'
  await spool.append({
    records: [record({ source: 'a' })],
    dead: [
      {
        '@timestamp': '2026-11-22T18:00:00.000000000Z',
        'event.id': 'dead:1',
        'event.kind': 'dead',
        reason: 'r',
        origin: 'o',
        bytes: 1,
        sample: 'x',
      },
    ],
  })
  await until('it is refused', () => shipper.trouble() !== undefined)
  await close()

  const again = await open(t, world)
  await until('all is there', async () => (await shippedSequences(world.bus)).length > 0)
  t.deepEqual(await shippedSequences(world.bus), [0])
  await until('the other too', async () => ((await world.bus.ends('dead'))[0] ?? 0) > 0)
  await again.close()
})

test('closed while the bus is away, what is left waits for the next start', async (t) => {
  const { world, spool, close } = await open(t)
  world.refuses = () => true
  for (let i = 0; i < 5; i++) await spool.append({ records: [record({ source: 'a', first: i })] })
  await close()
  t.deepEqual(await shippedSequences(world.bus), [])
  await open(t, world)
  await until('all is there', async () => (await shippedSequences(world.bus)).length === 5)
  t.deepEqual(await shippedSequences(world.bus), upTo(5))
})

test('a watermark says only what has passed: it waits for everything appended before it', async (t) => {
  const { world, spool } = await open(t)
  world.through = 1000
  const marks = async () =>
    (await readAll(world.bus, 'logs')).filter(isMark).map(({ headers }) => headers['through'])
  await until('marks in all partitions', async () => (await marks()).length >= 4)

  world.refuses = (topic, records) => topic === 'logs' && !records.some(isMark)
  await spool.append({ records: [record({ source: 'a' })] })
  world.through = 2000
  await until('the bus is tried', async () => spool.last() > 0)
  await t.throwsAsync(
    until('a mark', async () => (await marks()).includes('2000'), 500),
    { message: /still not/ },
  )
  world.refuses = () => false
  await until('a mark', async () => (await marks()).filter((ms) => ms === '2000').length >= 4)

  for (const partition of [0, 1, 2, 3]) {
    const { records } = await world.bus.read('logs', partition, 0, { maxBytes: 2 ** 20 })
    const line = records.findIndex((one) => !isMark(one))
    const mark = records.findIndex(({ headers }) => headers['through'] === '2000')
    t.true(mark >= 0)
    t.true(line < mark)
  }
})

test('a mark goes to every partition of logs, metrics and changes, behind what was appended', async (t) => {
  const { world, spool } = await open(t)
  await spool.append({ samples: [samplesOf({ source: 'docker:a' }, 1)] })
  world.through = 1000
  for (const topic of ['logs', 'metrics', 'changes'] as const) {
    for (let partition = 0; partition < world.bus.partitions(topic); partition++) {
      const first = () => world.bus.read(topic, partition, 0, { maxBytes: 2 ** 20 })
      await until('a mark', async () => (await first()).records.some(isMark))
      const { records } = await first()
      t.like(records.find(isMark)?.headers, { kind: 'mark', collector: 'here', through: '1000' })
      t.true(records.findIndex(isMark) >= records.filter((one) => !isMark(one)).length)
    }
  }
})

test('marks that one topic refuses get through to the others', async (t) => {
  const { world, shipper, metrics } = await open(t)
  world.refuses = (topic, records) => topic === 'metrics' && records.some(isMark)
  world.through = 1000
  await until('trouble is told', () => /watermarks/.test(shipper.trouble() ?? ''))
  for (const topic of ['logs', 'changes'] as const) {
    await until('a mark', async () => (await readAll(world.bus, topic)).some(isMark))
  }
  t.false((await readAll(world.bus, 'metrics')).some(isMark))
  const { values } = await metrics.produce_failures_total.get()
  t.like(values[0], { labels: { topic: 'metrics' } })
})

test('a collector in trouble holds the watermark only for a while, one that works as long as it takes', async (t) => {
  const { world } = await open(t)
  const newest = async () =>
    Math.max(
      ...(await readAll(world.bus, 'logs'))
        .filter(isMark)
        .map(({ headers }) => Number(headers['through'])),
    )
  const now = wallClock.now()
  const other = { through: () => now - 10_000, trouble: (): string | undefined => 'it is away' }
  world.collectors.push(other)
  world.through = now
  await until('a mark', async () => (await newest()) === now - 10_000)
  other.through = () => 0
  await until('a mark without it', async () => (await newest()) === now)
  other.trouble = () => undefined
  world.through = now + 1000
  await t.throwsAsync(
    until('a mark', async () => (await newest()) > now, 300),
    { message: /still not/ },
  )
})

test('marks that do not get through are told and do not stop the lines', async (t) => {
  const { world, spool, shipper } = await open(t)
  world.through = 1000
  world.refuses = (_, records) => records.some(isMark)
  await until('trouble is told', () => /watermarks/.test(shipper.trouble() ?? ''))
  await spool.append({ records: [record({ source: 'a' })] })
  await until('the line is there', async () => (await shippedSequences(world.bus)).length === 1)
  world.refuses = () => false
  await t.notThrowsAsync(until('all is well again', () => shipper.trouble() === undefined))
})

test('killed around producing: perhaps twice on the bus, never lost, never out of order', async (t) => {
  const dir = await tempDir(t)
  const child = fileURLToPath(new URL('ship-child.ts', import.meta.url))
  const points = ['ship:before-produce:3', 'ship:after-produce:2', 'ship:after-produce:5']
  for (const killAt of points) {
    const env = { ...process.env, MESOSCOPE_KILL_AT: killAt }
    const process_ = spawn(process.execPath, [child, dir], { env, stdio: 'inherit' })
    const [, signal] = (await once(process_, 'exit')) as [number, string]
    t.is(signal, 'SIGKILL', killAt)
  }
  const bus = await openBus(t, dir)
  const { spool } = await open(t, { dir, bus })
  const total = spool.position('a') as number
  t.true(total > 0)
  await until('all is there', async () => (await shippedSequences(bus)).includes(total - 1))
  const shipped = await shippedSequences(bus)
  t.deepEqual([...new Set(shipped)], upTo(total), 'each for the first time in order')
  t.true(shipped.length > total, 'a kill after producing sends some again')
})
