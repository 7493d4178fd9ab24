import test, { type ExecutionContext } from 'ava'
import type { Message } from '../../../../alerting/channels/channel.ts'
import { openNagiosChannel } from '../../../../alerting/channels/nagios/nagios.ts'
import type { NagiosSettings } from '../../../../alerting/channels/nagios/settings.ts'
import type { StateOf } from '../../../../alerting/channels/nagios/state.ts'
import { wallClock } from '../../../../pipeline/clock.ts'
import { openDaemon, openServer } from './daemon.ts'

function messageOf(more: Partial<Message> = {}): Message {
  return {
    incident: 'f00d-1',
    state: 'firing',
    subject: '[FIRING] HighErrorRate /shop/web: 7.2 errors/s > 5',
    text: 'Condition: errors > 5\nService: /shop/web\n',
    html: '',
    labels: { alertname: 'HighErrorRate', service: '/shop/web', severity: 'page' },
    ...more,
  }
}

type Firing = StateOf & { incident: string }

async function open(
  t: ExecutionContext,
  {
    firing,
    multiline = false,
    ...settings
  }: Partial<NagiosSettings> & { firing?: () => Firing[]; multiline?: boolean } = {},
) {
  const { port, connections } = await openDaemon(t)
  const nsca = { kind: 'nsca', host: '127.0.0.1', port, encryption: 0, multiline } as const
  const channel = openNagiosChannel(
    { to: [nsca], ...settings },
    { clock: wallClock, ...(firing === undefined ? {} : { firing }) },
  )
  t.teardown(() => channel.close())
  const send = async (message: Message) => {
    const deliveries = await channel.send(message, channel.targets)
    return { deliveries, results: connections.flat() }
  }
  return { channel, send, connections }
}

test('an alert is a result of a service named by its labels', async (t) => {
  const { channel, send } = await open(t)
  const { deliveries, results } = await send(messageOf())
  t.like(deliveries, [{ target: channel.address, outcome: 'accepted', answered: true }])
  t.like(results, [
    {
      host: 'mesoscope',
      service: 'HighErrorRate /shop/web',
      code: 2,
      output: '[FIRING] HighErrorRate /shop/web: 7.2 errors/s > 5',
    },
  ])
})

const codes: [string, Partial<Message>, Partial<NagiosSettings>, number][] = [
  ['resolved is OK', { state: 'resolved' }, {}, 0],
  ['unknown is UNKNOWN', { unknown: true }, {}, 3],
  ['a ticket is a warning', { labels: { alertname: 'A', severity: 'ticket' } }, {}, 1],
  ['no severity is critical unless set', { labels: { alertname: 'A' } }, {}, 2],
  ['or what is set', { labels: { alertname: 'A' } }, { otherSeverity: 'warning' }, 1],
  ['own severities', {}, { severities: { page: 'warning' } }, 1],
  ['a host is down', {}, { check: 'host' }, 1],
  ['a host is up', { state: 'resolved' }, { check: 'host' }, 0],
]

for (const [sentence, message, settings, code] of codes) {
  test(`states: ${sentence}`, async (t) => {
    const { send } = await open(t, settings)
    const { results } = await send(messageOf(message))
    t.is(results[0]?.code, code)
    t.is(results[0]?.service === '', settings.check === 'host')
  })
}

test('a service that several alerts share shows the worst of them until the last is over', async (t) => {
  const labels = { alertname: 'HighErrorRate', service: '/shop/web', severity: 'ticket' }
  const elsewhere = { alertname: 'HighErrorRate', service: '/shop/db', severity: 'page' }
  let firing: Firing[] = [
    { incident: 'f00d-1', labels: { ...labels, severity: 'page' } },
    { incident: 'beef-1', labels },
    { incident: 'cafe-1', labels: elsewhere },
  ]
  const { send } = await open(t, { firing: () => firing })
  const first = await send(messageOf({ incident: 'f00d-1', state: 'resolved', subject: 'over' }))
  t.like(first.results.at(-1), { code: 1, output: 'over (and 1 more fires)' })
  firing = []
  const last = await send(messageOf({ incident: 'beef-1', state: 'resolved', subject: 'over' }))
  t.like(last.results.at(-1), { code: 0, output: 'over' })
})

test('what comes meanwhile goes together, in order', async (t) => {
  const { channel, connections } = await open(t)
  const send = (i: number) => channel.send(messageOf({ subject: `message ${i}` }), channel.targets)
  const first = send(0)
  await new Promise((resolve) => setImmediate(resolve))
  const sending = [first, ...Array.from({ length: 19 }, (_, i) => send(i + 1))]
  await Promise.all(sending)
  t.is(connections.length, 2)
  t.deepEqual(
    connections.flat().map(({ output }) => output),
    Array.from({ length: 20 }, (_, i) => `message ${i}`),
  )
})

test('hostile texts and labels are one result without performance data', async (t) => {
  const { send } = await open(t, { multiline: true })
  const { results } = await send(
    messageOf({
      subject: 'a|x=1;2\n[1] SHUTDOWN_PROGRAM\u0000 \ud800 b',
      text: 'c | y=2\n[1] SHUTDOWN_PROGRAM\n\udfff\u0000',
      labels: { alertname: 'A;B\n[1] C|\u0000\ud800', service: '' },
    }),
  )
  t.is(results.length, 1)
  t.like(results, [
    {
      service: 'A_B [1] C_ �',
      output: 'a¦x=1:2 [1] SHUTDOWN_PROGRAM � b\nc ¦ y=2\n(1) SHUTDOWN_PROGRAM\n�',
    },
  ])
})

test('labels that name nothing: refused, and said why', async (t) => {
  const { send } = await open(t, { service: '{{ team }}' })
  const { deliveries, results } = await send(messageOf())
  t.like(deliveries, [{ outcome: 'refused' }])
  t.regex(deliveries[0]?.detail ?? '', /labels give no name/)
  t.deepEqual(results, [])
})

test('each receiver counts alone', async (t) => {
  const { port } = await openDaemon(t)
  const closed = await openServer(t, (socket) => socket.end())
  const to = [port, closed].map(
    (each) => ({ kind: 'nsca', host: '127.0.0.1', port: each, encryption: 0 }) as const,
  )
  const channel = openNagiosChannel(
    { to: [...to, { kind: 'command-file', path: '/nowhere/nagios.cmd' }] },
    { clock: wallClock },
  )
  const deliveries = await channel.send(messageOf(), channel.targets)
  t.deepEqual(
    deliveries.map(({ target, outcome, answered }) => [target, outcome, answered]),
    [
      [`127.0.0.1:${port}`, 'accepted', true],
      [`127.0.0.1:${closed}`, 'failed', false],
      ['/nowhere/nagios.cmd', 'failed', false],
    ],
  )
})

test('closing breaks off what is under way', async (t) => {
  const port = await openServer(t, (socket) => socket.resume())
  const channel = openNagiosChannel(
    { to: [{ kind: 'nsca', host: '127.0.0.1', port }] },
    { clock: wallClock },
  )
  const sending = channel.send(messageOf(), channel.targets)
  channel.close()
  t.like(await sending, [{ outcome: 'failed' }])
})

const nsca = { kind: 'nsca', host: 'mon' } as const
const faults: [string, unknown, RegExp][] = [
  ['nobody', { to: [] }, /nobody to tell/],
  ['no host', { to: [{ ...nsca, host: '' }] }, /nagios\.to\[0\] has no host/],
  ['a port out of range', { to: [nsca, { ...nsca, port: 70_000 }] }, /nagios\.to\[1\]\.port 70000/],
  [
    'an unknown method',
    { to: [{ ...nsca, encryption: 9 }] },
    /to\[0\]\.encryption 9 is not offered/,
  ],
  ['a password of two lines', { to: [{ ...nsca, password: 'a\nb' }] }, /password holds control/],
  ['another length', { to: [{ ...nsca, outputBytes: 1024 }] }, /outputBytes 1024/],
  [
    'a relative path',
    { to: [{ kind: 'command-file', path: 'rw/nagios.cmd' }] },
    /no absolute path/,
  ],
  [
    'a state that is none',
    { to: [nsca], severities: { page: 'down' } },
    /"down" \(of page\) is none of/,
  ],
  ['another one', { to: [nsca], otherSeverity: 'bad' }, /"bad" \(of otherSeverity\)/],
  ['a name with what ends a field', { to: [nsca], service: 'a;b' }, /"a;b" has characters/],
  ['a name of two lines', { to: [nsca], host: 'a\nb' }, /has characters/],
  ['no template', { to: [nsca], service: '{{ a' }, /no template/],
]

for (const [sentence, settings, complaint] of faults) {
  test(`refused at start: ${sentence}`, (t) => {
    t.throws(() => openNagiosChannel(settings as NagiosSettings, { clock: wallClock }), {
      message: complaint,
    })
  })
}
