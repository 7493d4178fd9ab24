import test, { type ExecutionContext } from 'ava'
import { isRetryable, Trouble } from '../../pipeline/errors.ts'
import { openWorker } from '../../pipeline/rpc.ts'
import { rejection } from '../contracts/suite.ts'
import type { TestHandlers } from './rpc-worker.ts'

function open(t: ExecutionContext, data: object = {}) {
  const worker = openWorker<TestHandlers>(import.meta.url, './rpc-worker', data)
  t.teardown(() => worker.close())
  return worker
}

test('values cross both ways, and the caller keeps its buffers', async (t) => {
  const { remote } = open(t)
  const bytes = Uint8Array.from([0, 255, 10])
  const given = { text: 'ü\0\ud800', list: [1, null, undefined], map: new Map([['a', 1]]), bytes }
  t.deepEqual(await remote.echo(given), given)
  t.deepEqual([...bytes], [0, 255, 10])
})

test('calls are carried out in their order', async (t) => {
  const { remote } = open(t)
  const numbers = Array.from({ length: 100 }, (_, n) => n)
  await Promise.all(numbers.map((n) => remote.note(n)))
  t.deepEqual(await remote.noted(), numbers)
})

for (const retryable of [true, false]) {
  test(`Trouble crosses with its remedy, retryable: ${retryable}`, async (t) => {
    const { remote } = open(t)
    const error = await rejection(t, remote.trouble(retryable))
    t.true(error instanceof Trouble)
    t.is(error.message, 'the disk is full')
    t.is((error as Trouble).remedy, 'free space')
    t.is(isRetryable(error), retryable)
    t.is(await remote.echo('still there'), 'still there')
  })
}

test('a defect crosses with its message and is not tried again', async (t) => {
  const { remote } = open(t)
  const error = await rejection(t, remote.error())
  t.is(error.message, 'a defect')
  t.false(isRetryable(error))
  t.is((await rejection(t, remote.nothing())).message, 'undefined')
  t.is(await remote.echo('still there'), 'still there')
})

test('a call or an answer that cannot cross fails alone', async (t) => {
  const { remote } = open(t)
  const [first, call, answer, last] = await Promise.allSettled([
    remote.echo(1),
    remote.echo(() => 1),
    remote.uncloneable(),
    remote.echo(2),
  ])
  t.deepEqual(
    [first, call, answer, last].map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  )
})

for (const how of ['crash', 'exit'] as const) {
  test(`a worker that dies (${how}) rejects all calls under way and all later ones`, async (t) => {
    const { remote } = open(t)
    await remote.echo(1)
    const [death] = [
      remote[how]().catch(() => {}),
      remote.echo('read before it dies').catch(() => {}),
    ]
    await death
    const calls = Array.from({ length: 5 }, () => remote.exit())
    for (const call of calls) t.true((await rejection(t, call)) instanceof Trouble)
    t.true((await rejection(t, remote.echo(3))) instanceof Trouble)
  })
}

test('a worker that cannot start rejects with its own words, as Trouble', async (t) => {
  const { remote } = open(t, { die: 'trouble' })
  const error = await rejection(t, remote.echo(1))
  t.true(error instanceof Trouble)
  t.is(error.message, 'the file is away')
  t.is((error as Trouble).remedy, 'bring it back')
  t.is((await rejection(t, open(t, { die: 'error' }).remote.echo(1))).message, 'a defect')
})

test('closing rejects what hangs', async (t) => {
  const { remote, close } = open(t)
  await remote.echo(1)
  const hanging = rejection(t, remote.hang())
  await close()
  t.true((await hanging) instanceof Trouble)
  t.regex((await rejection(t, remote.echo(1))).message, /closed/)
  await close()
})
