import test, { type ExecutionContext } from 'ava'
import { openPoller, type PollerOptions } from '../../collectors/poller.ts'
import type { Collected, Sink } from '../../collectors/sink.ts'
import { manualClock, wallClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openRecording, openRecordingSink, until } from './recording-sink.ts'

type Given = Pick<PollerOptions, 'poll'> & Partial<PollerOptions>

function open(t: ExecutionContext, options: Given) {
  const metrics = openMetrics()
  const recording = openRecording()
  const poller = openPoller({
    name: 'marathon',
    intervalMs: 20,
    clock: wallClock,
    sink: openRecordingSink(recording),
    metrics,
    log: silentLog,
    ...options,
  })
  t.teardown(() => poller.close())
  return { poller, recording, metrics }
}

/** A poll that ends when it is told to. */
function openSteps() {
  const waiting: PromiseWithResolvers<Collected | undefined>[] = []
  return {
    poll(_nowMs: number, signal: AbortSignal) {
      const step = Promise.withResolvers<Collected | undefined>()
      signal.addEventListener('abort', () => step.resolve(undefined))
      waiting.push(step)
      return step.promise
    },
    begun: () => waiting.length,
    async end(index: number, result: Collected | Error = {}) {
      await until(`poll ${index}`, () => waiting.length > index)
      if (result instanceof Error) waiting[index]?.reject(result)
      else waiting[index]?.resolve(result)
    },
  }
}

const position = (value: number): Collected => ({ positions: { at: value } })
const away = () => new Trouble('Marathon does not answer', { remedy: 'start it', retryable: true })

test('polls at once, then every interval, never twice at a time, and appends what it is given', async (t) => {
  let underWay = 0
  let polls = 0
  const { poller, recording, metrics } = open(t, {
    async poll() {
      t.is(++underWay, 1)
      await new Promise((resolve) => setTimeout(resolve, 10))
      underWay--
      return position(++polls)
    },
  })
  for (let i = 0; i < 50; i++) poller.wake()
  await until('five polls', () => Number(recording.positions.get('at')) >= 5)
  await poller.close()
  const { values } = await metrics.polls_total.get()
  t.deepEqual(
    values.map(({ labels, value }) => [labels, value]),
    [[{ collector: 'marathon', outcome: 'ok' }, polls]],
  )
})

test('woken, it polls soon, once for many calls; also for one that comes while it polls', async (t) => {
  const steps = openSteps()
  const { poller } = open(t, { poll: steps.poll, intervalMs: 3_600_000 })
  await steps.end(0)
  for (let i = 0; i < 100; i++) poller.wake()
  await until('the second poll', () => steps.begun() === 2)
  poller.wake()
  await steps.end(1)
  await until('the third poll', () => steps.begun() === 3)
  await steps.end(2)
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.is(steps.begun(), 3)
})

test('while it fails it is tried again ever more rarely, and told; then all is well', async (t) => {
  let polls = 0
  const times: number[] = []
  const { poller, metrics } = open(t, {
    poll() {
      times.push(performance.now())
      return ++polls <= 6 ? Promise.reject(away()) : Promise.resolve(undefined)
    },
  })
  await until('trouble', () => poller.trouble() === 'Marathon does not answer: start it')
  await until('no trouble', () => poller.trouble() === undefined && polls > 6)
  const waits = times.slice(1).map((time, i) => time - (times[i] as number))
  // 20, 40, … 640 ms; a busy machine only adds to it.
  for (let i = 0; i < 6; i++) t.true((waits[i] as number) >= 20 * 2 ** i - 2, `${i}: ${waits[i]}`)
  const failed = (await metrics.polls_total.get()).values.find(
    ({ labels }) => labels['outcome'] === 'failed',
  )
  t.is(failed?.value, 6)
})

test('a mistake in a poll is trouble as well, and does not end it', async (t) => {
  let polls = 0
  const { poller } = open(t, {
    poll() {
      if (++polls === 1) throw new TypeError('x is not a function')
      return Promise.resolve(undefined)
    },
  })
  await until('polled again', () => polls > 1 && poller.trouble() === undefined)
  t.pass()
})

test('through is 0 before the first answer, now between polls, the beginning of one under way', async (t) => {
  const clock = manualClock(1_000_000)
  const steps = openSteps()
  const { poller } = open(t, { clock, poll: steps.poll })
  await until('the first poll', () => steps.begun() === 1)
  clock.set(1_004_000)
  t.is(poller.through(), 0)
  t.is(poller.trouble(), undefined)
  await steps.end(0)
  await until('the second poll', () => steps.begun() === 2)
  clock.set(1_004_600)
  t.is(poller.through(), 1_004_000, 'the beginning')
  clock.set(1_006_000)
  t.is(poller.through(), 1_005_000, 'a second behind now')
  await steps.end(1)
  await until('the third poll', () => steps.begun() === 3)
  t.is(poller.through(), 1_006_000)
})

test('a service that hangs from the start holds nobody for more than ten seconds', async (t) => {
  const clock = manualClock(1_000_000)
  const steps = openSteps()
  const { poller } = open(t, { clock, poll: steps.poll })
  await until('the first poll', () => steps.begun() === 1)
  clock.set(1_009_999)
  t.is(poller.through(), 0)
  clock.set(1_012_000)
  t.is(poller.through(), 1_011_000)
  t.is(poller.trouble(), 'marathon: no answer yet, for 12 s; the others go on without it')
  await steps.end(0)
  await until('no trouble', () => poller.trouble() === undefined)
})

test('a service that is away holds nobody after the first failure', async (t) => {
  const clock = manualClock(1_000_000)
  const { poller } = open(t, { clock, intervalMs: 60_000, poll: () => Promise.reject(away()) })
  await until('trouble', () => poller.trouble() !== undefined)
  clock.set(1_000_500)
  t.is(poller.through(), 1_000_500)
})

test('while the sink is blocked through stands still, and nobody polls', async (t) => {
  const clock = manualClock(1_000_000)
  const steps = openSteps()
  const room = Promise.withResolvers<void>()
  const sink: Sink = { append: () => room.promise, position: () => undefined, positions: () => [] }
  const { poller } = open(t, { clock, sink, poll: steps.poll })
  await until('the first poll', () => steps.begun() === 1)
  clock.set(1_003_000)
  await steps.end(0, position(1))
  clock.set(1_030_000)
  t.is(poller.through(), 1_000_000, 'not appended yet')
  await new Promise((resolve) => setTimeout(resolve, 100))
  clock.set(1_060_000)
  t.is(poller.through(), 1_000_000)
  t.is(steps.begun(), 1)
  room.resolve()
  await until('the second poll', () => steps.begun() === 2)
  t.is(poller.through(), 1_060_000)
})

test('what a sink refuses is given to it again; what came meanwhile follows in order', async (t) => {
  const taken: unknown[] = []
  let refuses = true
  const sink: Sink = {
    append({ positions }) {
      if (refuses) return Promise.reject(new Trouble('disk full', { remedy: 'free space' }))
      taken.push(positions?.['at'])
      return Promise.resolve()
    },
    position: () => undefined,
    positions: () => [],
  }
  const { poller } = open(t, {
    sink,
    intervalMs: 3_600_000,
    poll: () => Promise.resolve(position(1)),
  })
  await until(
    'trouble',
    () => poller.trouble() === 'marathon: what was read cannot be stored: disk full: free space',
  )
  const second = poller.append(position(2))
  refuses = false
  t.true(await second)
  t.deepEqual(taken, [1, 2])
  t.is(poller.trouble(), undefined)
})

test('closing ends a poll under way and does not wait for ever for a blocked sink', async (t) => {
  const { poller } = open(t, {
    poll: (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(away()))),
  })
  await poller.close()
  t.is(poller.trouble(), undefined)
  const sink: Sink = {
    append: () => new Promise(() => {}),
    position: () => undefined,
    positions: () => [],
  }
  const blocked = open(t, { sink, poll: () => Promise.resolve(position(1)) })
  await new Promise((resolve) => setTimeout(resolve, 50))
  await blocked.poller.close()
})
