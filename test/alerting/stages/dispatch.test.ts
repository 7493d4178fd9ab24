import test from 'ava'
import fc from 'fast-check'
import { readStagesConfig } from '../../../alerting/stages/config.ts'
import {
  createDispatcher,
  type Dispatcher,
  type DispatcherState,
} from '../../../alerting/stages/dispatch.ts'
import type { Answer, Notification } from '../../../alerting/stages/flush.ts'

const config = readStagesConfig(
  `
route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 3s, repeat_interval: 1m}
receivers:
- name: hook
  webhook_configs: [{url: 'http://127.0.0.1/'}]
`,
  'test.yml',
)

/** Runs to `end` (ms); gives what was sent as `1000 firing a,b` and answers each the same. */
function run(dispatcher: Dispatcher, end: number, answer: Answer = 'sent'): string[] {
  const sent: string[] = []
  for (let due = dispatcher.nextDue(); due !== undefined && due <= end;) {
    for (const one of dispatcher.advance(due)) {
      sent.push(`${due} ${line(one)}`)
      dispatcher.answer(one.id, answer, due)
    }
    due = dispatcher.nextDue()
  }
  return sent
}

/** As it comes back from a disk. */
function savedState(dispatcher: Dispatcher, now: number): DispatcherState {
  return JSON.parse(JSON.stringify(dispatcher.state(now))) as DispatcherState
}

function line({ status, alerts }: Notification): string {
  return `${status} ${alerts.map(({ labels }) => labels['host']).join(',')}`
}

function fire(dispatcher: Dispatcher, host: string, now: number, endsAt = now + 3_600_000): void {
  dispatcher.post(
    [{ labels: { alertname: 'X', host }, startsAt: Math.min(now, endsAt), endsAt }],
    now,
  )
}

test('a group waits, then tells of news at its interval only', (t) => {
  const dispatcher = createDispatcher(config, 0)
  fire(dispatcher, 'a', 0)
  t.deepEqual(run(dispatcher, 2000), ['1000 firing a'])
  fire(dispatcher, 'b', 2000)
  t.deepEqual(run(dispatcher, 60_000), ['4000 firing a,b'])
})

test('an alert that has waited long already is told at once', (t) => {
  const dispatcher = createDispatcher(config, 0)
  dispatcher.post([{ labels: { alertname: 'X', host: 'a' }, startsAt: 0 }], 5000)
  t.deepEqual(run(dispatcher, 5000), ['5000 firing a'])
})

test('a group that is over is born anew: firing again waits for the group wait', (t) => {
  const dispatcher = createDispatcher(config, 0)
  fire(dispatcher, 'a', 0)
  run(dispatcher, 2000)
  fire(dispatcher, 'a', 2000, 2000)
  t.deepEqual(run(dispatcher, 4500), ['4000 resolved a'])
  t.is(dispatcher.nextDue(), undefined)
  fire(dispatcher, 'a', 4500)
  t.deepEqual(run(dispatcher, 6000), ['5500 firing a'])
})

test('what fails is told at the next interval, what may be retried after a backoff', (t) => {
  const dispatcher = createDispatcher(config, 0)
  fire(dispatcher, 'a', 0)
  t.deepEqual(run(dispatcher, 4000, 'failed'), ['1000 firing a', '4000 firing a'])
  t.deepEqual(run(dispatcher, 8500, 'retry'), ['7000 firing a', '7500 firing a', '8250 firing a'])
})

test('a route is told in its times only; what is resolved meanwhile never is', (t) => {
  const source = (intervals: string) => `
time_intervals:
- {name: first, time_intervals: [{times: [{start_time: '00:00', end_time: '00:01'}]}]}
- {name: second, time_intervals: [{times: [{start_time: '00:01', end_time: '00:02'}]}]}
route: {receiver: hook, group_wait: 0s, group_interval: 10s, routes: [{${intervals}}]}
receivers: [{name: hook, webhook_configs: [{url: 'http://127.0.0.1/'}]}]
`
  const told = (intervals: string) => {
    const dispatcher = createDispatcher(readStagesConfig(source(intervals), 'test.yml'), 0)
    fire(dispatcher, 'a', 0)
    fire(dispatcher, 'b', 0, 25_000)
    return run(dispatcher, 90_000)
  }
  t.deepEqual(told('mute_time_intervals: [first]'), ['60000 firing a'])
  t.deepEqual(told('active_time_intervals: [second]'), ['60000 firing a'])
  t.deepEqual(told('mute_time_intervals: [second]').slice(0, 1), ['0 firing a,b'])
  t.deepEqual(told('active_time_intervals: [second], mute_time_intervals: [second]'), [])
})

test('a flush without an answer is given up after ten seconds', (t) => {
  const dispatcher = createDispatcher(config, 0)
  fire(dispatcher, 'a', 0)
  const [lost] = dispatcher.advance(1000)
  t.is(dispatcher.nextDue(), 11_000)
  t.deepEqual(run(dispatcher, 11_000), ['11000 firing a'])
  dispatcher.answer(lost?.id ?? '', 'failed', 11_500)
  t.deepEqual(run(dispatcher, 20_000), [])
})

test('a refused alert does not stop its neighbours', (t) => {
  const dispatcher = createDispatcher(config, 0)
  const refused = dispatcher.post([{ labels: { a: '' } }, { labels: { a: 'b' } }], 0)
  t.deepEqual(refused, [{ index: 0, sentence: 'at least one label pair required' }])
  t.is(dispatcher.status(0).length, 1)
})

test('what was under way at a restart is sent again', (t) => {
  const dispatcher = createDispatcher(config, 0)
  fire(dispatcher, 'a', 0)
  dispatcher.advance(1000)
  const saved = savedState(dispatcher, 1000)
  t.deepEqual(run(createDispatcher(config, 2000, saved), 2000), ['2000 firing a'])
})

test('what could not be told again during a standstill is not resolved by it', (t) => {
  const dispatcher = createDispatcher(config, 0)
  fire(dispatcher, 'a', 0, 240_000)
  fire(dispatcher, 'b', 0, 100_000)
  run(dispatcher, 120_000)
  const restarted = createDispatcher(config, 3_600_000, savedState(dispatcher, 120_000))
  const [repeated] = restarted.advance(3_600_000)
  t.like(repeated, { status: 'firing', reason: 'repeat interval elapsed' })
  restarted.answer(repeated?.id ?? '', 'sent', 3_600_000)
  const sent = run(restarted, 3_600_000 + 130_000)
  t.deepEqual(sent, ['3663000 firing a', '3720000 resolved a'])
})

function fireY(dispatcher: Dispatcher, host: string, now: number, endsAt = now + 3_600_000): void {
  dispatcher.post([{ labels: { alertname: 'Y', host }, startsAt: now, endsAt }], now)
}

/** The same with other waits, so that groups are made anew under the same keys. */
const otherWaits = { ...config, route: { ...config.route, groupWait: 2000 } }

test('with other routes, what was under way under the same key is sent again, once', (t) => {
  const dispatcher = createDispatcher(config, 0)
  fire(dispatcher, 'a', 0)
  dispatcher.advance(1000)
  const restarted = createDispatcher(otherWaits, 1500, savedState(dispatcher, 1000))
  t.deepEqual(run(restarted, 30_000), ['1500 firing a'])
})

test('with other keys a receiver is still told what was resolved, and what fires under the new key alone', (t) => {
  const dispatcher = createDispatcher(config, 0)
  fire(dispatcher, 'a', 0)
  run(dispatcher, 2000)
  fire(dispatcher, 'a', 2000, 2000)
  fireY(dispatcher, 'b', 3000)
  fireY(dispatcher, 'c', 3000, 3001)
  const [resolved, firing] = dispatcher.advance(4000)
  t.deepEqual([resolved?.status, firing?.status], ['resolved', 'firing'])
  const byHost = { ...config, route: { ...config.route, groupBy: new Set(['host']) } }
  const restarted = createDispatcher(byHost, 5000, savedState(dispatcher, 4000))
  const again = restarted.advance(5000)
  t.deepEqual(
    again.map(({ groupKey, status }) => `${groupKey} ${status}`),
    ['{}:{host="b"} firing', '{}:{alertname="X"} resolved'],
  )
  for (const { id } of again) restarted.answer(id, 'failed', 5000)
  t.is(restarted.state(5000).groups.length, 1, 'what is gone is not kept after its end')
})

test('with other receivers the groups are made anew, and tell what is news alone', (t) => {
  const dispatcher = createDispatcher(config, 0)
  fire(dispatcher, 'a', 0)
  run(dispatcher, 1000)
  fire(dispatcher, 'b', 2000)
  dispatcher.advance(4000)
  const receivers = new Map([
    ['hook', []],
    ...[...config.receivers].map(([, list]) => ['other', list] as const),
  ])
  const changed = { ...config, route: { ...config.route, receiver: 'other' }, receivers }
  t.deepEqual(run(createDispatcher(changed, 5000, dispatcher.state(4000)), 9000), [
    '5000 firing a,b',
  ])
  const same = createDispatcher(
    { ...config, receivers: new Map([['hook', []]]) },
    5000,
    dispatcher.state(4000),
  )
  t.deepEqual(run(same, 20_000), [])
})

test('a restart at any moment changes nothing', (t) => {
  const step = fc.record({
    wait: fc.integer({ min: 0, max: 4000 }),
    host: fc.constantFrom('a', 'b', 'c'),
    ends: fc.boolean(),
    restart: fc.boolean(),
  })
  const play = (
    steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[],
    restarts: boolean,
  ) => {
    let dispatcher = createDispatcher(config, 0)
    let now = 0
    const sent: string[] = []
    for (const { wait, host, ends, restart } of steps) {
      now += wait
      sent.push(...run(dispatcher, now))
      fire(dispatcher, host, now, ends ? now : undefined)
      if (!restarts || !restart) continue
      dispatcher = createDispatcher(config, now, savedState(dispatcher, now))
    }
    return [...sent, ...run(dispatcher, now + 100_000)]
  }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      t.deepEqual(play(steps, true), play(steps, false))
    }),
    { numRuns: 60 },
  )
})
