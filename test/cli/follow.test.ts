import test, { type ExecutionContext } from 'ava'
import { openDashboards } from '../../dashboards/server.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { decodeDocs, type LogRecord } from '../../pipeline/record.ts'
import { open, until } from '../dashboards/open.ts'
import { openInstance } from '../dashboards/shop.ts'
import { directory, leaveAddress, openTerminal } from './terminal.ts'

async function scene(t: ExecutionContext) {
  const dashboards = await open(t)
  const dir = directory(t)
  leaveAddress(dir, dashboards)
  const web = openInstance('/shop/web', 'web.1', 'a'.repeat(64))
  const terminal = openTerminal()
  let at = wallClock.now() - 1000
  const write = (...messages: string[]): LogRecord => {
    at += 10
    return web.write(
      at,
      messages.map((message) => ['info', message] as const),
    )
  }
  const messages = () =>
    terminal.printed.out.split('\n').flatMap((line) => / web\.1 (.*)$/.exec(line)?.[1] ?? [])
  return { ...dashboards, dir, write, terminal, messages }
}

test('what is there comes first, then new lines, each once', async (t) => {
  const { dir, store, tails, write, terminal, messages } = await scene(t)
  const first = write('a', 'b', 'c')
  await store.appendLogs([first])
  const done = terminal.run('logs', 'web', '-f', '-n', '2', '--data', dir)
  await until('the first lines', () => messages().length === 2)
  await until('the tail', () => tails.count() === 1)
  // The stream may bring what the page brought already.
  tails.emit(decodeDocs(first).slice(1))
  tails.emit(decodeDocs(write('d')))
  await until('the new line', () => messages().includes('d'))
  terminal.stop()
  t.is((await done).code, 0)
  t.deepEqual(messages(), ['b', 'c', 'd'])
  t.is(terminal.printed.err, '')
  await until('the tail to end', () => tails.count() === 0)
})

test('a line that was on its way when the stream began is found in the store', async (t) => {
  const { dir, store, tails, write, terminal, messages } = await scene(t)
  await store.appendLogs([write('a', 'b')])
  const done = terminal.run('logs', 'web', '-f', '-n', '1', '--data', dir)
  await until('the tail', () => messages().length === 1 && tails.count() === 1)
  await store.appendLogs([write('c')])
  await until('the line', () => messages().length === 2)
  terminal.stop()
  await done
  t.deepEqual(messages(), ['b', 'c'], 'not a: it is older than what was asked for')
})

test('following goes on where it was after the process came back elsewhere', async (t) => {
  const { dir, store, tails, write, terminal, messages, close } = await scene(t)
  await store.appendLogs([write('a')])
  const done = terminal.run('logs', 'web', '-f', '--data', dir)
  await until('the tail', () => messages().length === 1 && tails.count() === 1)
  await close()
  await until('the message', () => terminal.printed.err.includes('waiting for it to come back'))
  await store.appendLogs([write('b', 'c')])
  const again = await openDashboards({
    store,
    tail: tails.tail,
    health: () => ({ status: 'green', components: [] }),
    alerts: () => [],
    metrics: openMetrics(),
    clock: wallClock,
    log: silentLog,
    listen: { host: '127.0.0.1', port: 0 },
  })
  t.teardown(() => again.close())
  leaveAddress(dir, again)
  await until('the lines written meanwhile', () => messages().length === 3)
  await until('the tail', () => tails.count() === 1)
  tails.emit(decodeDocs(write('d')))
  await until('the new line', () => messages().length === 4)
  terminal.stop('SIGTERM')
  await done
  t.deepEqual(messages(), ['a', 'b', 'c', 'd'])
  t.regex(
    terminal.printed.err,
    /^mesoscope: .*waiting for it to come back\nmesoscope: connected again\n$/,
  )
})

test('without a process it waits for one, and stops when told', async (t) => {
  const dir = directory(t)
  const terminal = openTerminal()
  const done = terminal.run('logs', 'web', '-f', '--data', dir)
  await until('the message', () => terminal.printed.err !== '')
  t.is(terminal.printed.err, 'mesoscope: no process is running; waiting for it to come back\n')
  terminal.stop()
  t.is((await done).code, 0)
})

test('an unknown service ends it with exit code 3', async (t) => {
  const { dir, terminal } = await scene(t)
  const { err, code } = await terminal.run('logs', 'nowhere', '-f', '--data', dir)
  t.regex(err, /^mesoscope: no service "nowhere"/)
  t.is(code, 3)
})
