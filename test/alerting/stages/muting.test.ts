import test from 'ava'
import { readStagesConfig } from '../../../alerting/stages/config.ts'
import { createDispatcher, type Dispatcher } from '../../../alerting/stages/dispatch.ts'
import type { Notification } from '../../../alerting/stages/flush.ts'

const config = readStagesConfig(
  `
route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 3s, repeat_interval: 1m}
receivers:
- name: hook
  webhook_configs: [{url: 'http://127.0.0.1/'}]
`,
  'test.yml',
)

/** Holds the alerts of hosts in `held`, which the story changes. */
function holding(held: ReadonlySet<string>, restored?: ReturnType<Dispatcher['state']>) {
  return createDispatcher(config, restored?.at ?? 0, restored, {
    held: ({ host = '' }) => (held.has(host) ? `${host} is held` : undefined),
  })
}

/** Runs to `end` (ms); gives what was sent as `1000 a b(resolved)`, and all of it arrives. */
function run(dispatcher: Dispatcher, end: number): string[] {
  const sent: string[] = []
  for (let due = dispatcher.nextDue(); due !== undefined && due <= end;) {
    for (const one of dispatcher.advance(due)) {
      sent.push(`${due} ${line(one)}`)
      dispatcher.answer(one.id, 'sent', due)
    }
    due = dispatcher.nextDue()
  }
  return sent
}

function line({ alerts }: Notification): string {
  return alerts
    .map(({ labels, status }) => `${labels['host']}${status === 'firing' ? '' : '(resolved)'}`)
    .join(' ')
}

function fire(dispatcher: Dispatcher, host: string, now: number): void {
  const endsAt = now + 3_600_000
  dispatcher.post([{ labels: { alertname: 'X', host }, startsAt: now, endsAt }], now)
}

function resolve(dispatcher: Dispatcher, host: string, now: number): void {
  dispatcher.post([{ labels: { alertname: 'X', host }, startsAt: 0, endsAt: now }], now)
}

test('what is held is not told; if it goes on, it is told when it is held no more', (t) => {
  const held = new Set(['a'])
  const dispatcher = holding(held)
  fire(dispatcher, 'a', 0)
  t.deepEqual(run(dispatcher, 5000), [])
  held.clear()
  t.deepEqual(run(dispatcher, 10_000), ['7000 a'])
})

test('what fires and resolves while it is held is never told, also beside what is told', (t) => {
  const dispatcher = holding(new Set(['a']))
  fire(dispatcher, 'a', 0)
  fire(dispatcher, 'b', 0)
  t.deepEqual(run(dispatcher, 2000), ['1000 b'])
  resolve(dispatcher, 'a', 2000)
  t.deepEqual(run(dispatcher, 5000), [])
  t.deepEqual(
    dispatcher.status(5000).map(({ alert }) => alert.labels['host']),
    ['b'],
  )
})

test('what was told before is told as resolved, although it is held meanwhile', (t) => {
  const held = new Set<string>()
  const dispatcher = holding(held)
  fire(dispatcher, 'a', 0)
  t.deepEqual(run(dispatcher, 2000), ['1000 a'])
  held.add('a')
  t.deepEqual(run(dispatcher, 5000), [], 'that it goes on is no news')
  resolve(dispatcher, 'a', 5000)
  t.deepEqual(run(dispatcher, 8000), ['7000 a(resolved)'])
  fire(dispatcher, 'a', 8000)
  t.deepEqual(run(dispatcher, 20_000), [], 'that it fires again is')
})

test('what was told before stays beside what is news, so that its resolution is told later', (t) => {
  const held = new Set<string>()
  const dispatcher = holding(held)
  fire(dispatcher, 'a', 0)
  run(dispatcher, 2000)
  held.add('a').add('c')
  fire(dispatcher, 'b', 2000)
  fire(dispatcher, 'c', 2000)
  t.deepEqual(run(dispatcher, 5000), ['4000 a b'])
  const restarted = holding(held, dispatcher.state(5000))
  resolve(restarted, 'a', 5000)
  resolve(restarted, 'c', 5000)
  t.deepEqual(run(restarted, 8000), ['7000 a(resolved) b'])
})

test('a silence still keeps back that it is resolved, as in Alertmanager', (t) => {
  const dispatcher = holding(new Set(['a']))
  fire(dispatcher, 'b', 0)
  run(dispatcher, 2000)
  const matchers = [{ name: 'host', op: '=', value: 'b' }] as const
  const silence = { matchers, startsAt: 2000, endsAt: 60_000, createdBy: 'me', comment: '' }
  dispatcher.silences.set(silence, 2000, 's1')
  resolve(dispatcher, 'b', 3000)
  t.deepEqual(run(dispatcher, 60_000), [])
})

test('the status says why an alert is held', (t) => {
  const dispatcher = holding(new Set(['a']))
  fire(dispatcher, 'a', 0)
  fire(dispatcher, 'b', 0)
  const [a, b] = dispatcher.status(0)
  t.like(a, { state: 'suppressed', silencedBy: [], mutedBy: 'a is held' })
  t.is(b?.state, 'active')
  t.false(Object.hasOwn(b ?? {}, 'mutedBy'))
})
