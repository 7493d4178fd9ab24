import { existsSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { Message } from '../../alerting/channels/channel.ts'
import { openNagiosChannel } from '../../alerting/channels/nagios/nagios.ts'
import type { NagiosSettings, NagiosTarget } from '../../alerting/channels/nagios/settings.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { until } from '../helpers/pipeline.ts'
import { nagiosHost, startNagios, type NagiosServer } from '../servers/nagios.ts'

/* Alerts as passive checks, told to Debian's nsca and nagios4, and read in the status of Nagios. */

const programs = ['/usr/sbin/nagios4', '/usr/sbin/nsca']
const services = ['A /shop/web', 'B /shop/web', 'Old', 'Long', 'Hostile', 'Burst', 'Late']

let server: NagiosServer

test.before('Nagios runs', async (t) => {
  const missing = programs.filter((program) => !existsSync(program))
  if (missing.length > 0) {
    t.fail(`no ${missing.join(', ')}: apt-get install nagios4-core nsca`)
    return
  }
  server = await startNagios(services)
})
test.after.always('it ends', () => server?.close())

function messageOf(more: Partial<Message>): Message {
  return {
    incident: 'f00d-1',
    state: 'firing',
    subject: 'subject',
    text: 'text',
    html: '',
    labels: { alertname: 'A', service: '/shop/web', severity: 'page' },
    ...more,
  }
}

/** Opens a channel to one receiver, that closes with the test. */
function open(t: ExecutionContext, to: NagiosTarget, more: Partial<NagiosSettings> = {}) {
  const channel = openNagiosChannel({ to: [to], ...more }, { clock: wallClock, timeoutMs: 8000 })
  t.teardown(() => channel.close())
  return async (message: Partial<Message>) => {
    const [delivery] = await channel.send(messageOf(message), channel.targets)
    return delivery
  }
}

const nscaAt = (port: number) => ({ kind: 'nsca', host: '127.0.0.1', port }) as const
const commandFile = () => ({ kind: 'command-file', path: server.commandFile }) as const

/** The status of a service once it has this output. */
async function shown(service: string | undefined, output: string) {
  await until(`Nagios shows "${output}"`, async () => {
    const { plugin_output } = await server.status(service)
    return plugin_output === output
  })
  return server.status(service)
}

const password = 'pässword, longer than any key of any cipher'

for (const mode of ['--single', '--daemon'] as const) {
  for (const encryption of [0, 1, 2, 3, 14] as const) {
    test.serial(`nsca ${mode}, method ${encryption}: what was sent is shown`, async (t) => {
      const port = await server.startNsca({ method: encryption, password, mode })
      const send = open(t, { ...nscaAt(port), encryption, password })
      const subject = `${mode} ${encryption}: 7.2 errors/s > 5, é 🚨`
      const warning = { alertname: 'B', service: '/shop/web', severity: 'ticket' }
      const deliveries = await Promise.all([
        send({ subject }),
        send({ subject: `${subject} over`, state: 'resolved' }),
        send({ subject, labels: warning }),
      ])
      t.deepEqual(
        deliveries.map((delivery) => delivery?.outcome),
        ['accepted', 'accepted', 'accepted'],
      )
      t.like(await shown('A /shop/web', `${subject} over`), { current_state: '0', check_type: '1' })
      t.like(await shown('B /shop/web', subject), { current_state: '1', performance_data: '' })
    })
  }
}

for (const mode of ['--single', '--daemon'] as const) {
  test.serial(
    `nsca ${mode}: it says nothing of a wrong password, but it hangs up early`,
    async (t) => {
      const port = await server.startNsca({ method: 14, password, mode })
      const before = await server.log()
      for (const [wrong, encryption] of [
        ['guess', 14],
        [password, 3],
        [password, 0],
      ] as const) {
        const send = open(t, { ...nscaAt(port), encryption, password: wrong })
        const delivery = await send({ subject: 'unread' })
        t.like(delivery, { outcome: 'failed', answered: false })
        // A daemon that has just taken another connection may leave one open (one of some hundred tries).
        t.regex(
          delivery?.detail ?? '',
          /broke off .* compare password and encryption|no answer within/,
        )
      }
      // What came before the right one would be there by the time that it is.
      const subject = `${mode}: the right password`
      const send = open(t, { ...nscaAt(port), encryption: 14, password })
      t.like(await send({ subject }), { outcome: 'accepted' })
      await shown('A /shop/web', subject)
      t.false((await server.log()).slice(before.length).includes('unread'))
    },
  )
}

test.serial(
  'packets of the length before nsca 2.9: taken too; a wrong password is not seen',
  async (t) => {
    const port = await server.startNsca({ method: 1, password })
    const send = open(t, { ...nscaAt(port), password, outputBytes: 512 }, { service: 'Old' })
    t.like(await send({ subject: 'y'.repeat(600) }), { outcome: 'accepted' })
    await shown('Old', 'y'.repeat(511))
    const wrong = open(t, { ...nscaAt(port), password: 'guess', outputBytes: 512 })
    t.like(await wrong({}), { outcome: 'accepted' })
  },
)

test.serial('the host itself goes down and up', async (t) => {
  const port = await server.startNsca({ method: 1, password: '' })
  for (const to of [nscaAt(port), commandFile()]) {
    const send = open(t, to, { check: 'host' })
    await send({ subject: `${to.kind} down` })
    t.like(await shown(undefined, `${to.kind} down`), { current_state: '1', host_name: nagiosHost })
    await send({ subject: `${to.kind} up`, state: 'resolved' })
    t.like(await shown(undefined, `${to.kind} up`), { current_state: '0' })
  }
})

test.serial('several lines: the text is the long output, whatever is in it', async (t) => {
  const port = await server.startNsca({ method: 14, password })
  const nsca = { ...nscaAt(port), encryption: 14, password, multiline: true } as const
  for (const to of [commandFile(), nsca]) {
    const send = open(t, to, { service: 'Long' })
    const subject = `${to.kind} C:\\new \\\\ 100%; | x=1`
    await send({ subject, text: 'first\\nof;\nsecond | y=2\n[1] third', unknown: true })
    const brackets = to.kind === 'nsca' ? '(1)' : '[1]'
    t.like(await shown('Long', `${to.kind} C:\\new \\\\ 100%: ¦ x=1`), {
      current_state: '3',
      // Nagios writes line breaks as \n into the status, and backslashes doubled.
      long_plugin_output: `first\\\\nof;\\nsecond ¦ y=2\\n${brackets} third`,
      performance_data: '',
    })
  }
})

test.serial('the longest text is cut', async (t) => {
  const port = await server.startNsca({ method: 14, password })
  const nsca = { ...nscaAt(port), encryption: 14, password } as const
  const send = open(t, nsca, { service: 'Long' })
  t.like(await send({ subject: `x${'é'.repeat(3000)}` }), { outcome: 'accepted' })
  await shown('Long', `x${'é'.repeat(2047)}`)
  const direct = open(t, commandFile(), { service: 'Long' })
  t.like(await direct({ subject: '🚨'.repeat(3000), text: '' }), { outcome: 'accepted' })
  const room = 4096 - '[1700000000] PROCESS_SERVICE_CHECK_RESULT;mesoscope;Long;2;\n'.length
  await shown('Long', '🚨'.repeat(Math.floor(room / 4)))
})

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\n', '\r', ';', '|', '[', ']', '\\', 'n', '\0', '\ud800', '\u0017', '\u2028'),
    fc.constantFrom('\n[1] SHUTDOWN_PROGRAM\n', ';0;', '[1700000000] DISABLE_NOTIFICATIONS;'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }),
  ),
  minLength: 5,
})

test.serial('hostile labels and texts are one result each, and nothing else', async (t) => {
  const port = await server.startNsca({ method: 1, password })
  const before = await server.log()
  const nsca = { ...nscaAt(port), password, multiline: true } as const
  const samples = fc.sample(hostile, { numRuns: 120, seed: 20_261_128 })
  for (const to of [nsca, commandFile()]) {
    const send = open(t, to, { service: 'Hostile{% if x %}{{ x }}{% endif %}' })
    const named = open(t, to, { service: '{{ service }}' })
    const deliveries = await Promise.all([
      ...samples.map((text) => send({ subject: text, text, labels: {} })),
      ...samples.map((text) => named({ labels: { service: `H${text}` } })),
    ])
    t.true(deliveries.every((delivery) => delivery?.outcome === 'accepted'))
    await send({ subject: `${to.kind} is through | x=1`, text: 'a | y=2', labels: {} })
    const { performance_data } = await shown('Hostile', `${to.kind} is through ¦ x=1`)
    t.is(performance_data, '')
  }
  const log = (await server.log()).slice(before.length)
  const commands = [...log.matchAll(/EXTERNAL COMMAND: (\w+);([^;]*);([^;]*);([^;]*);/g)]
  t.is(commands.length, 2 * (2 * samples.length + 1))
  for (const [, command, host, service, code] of commands) {
    t.deepEqual([command, host, code], ['PROCESS_SERVICE_CHECK_RESULT', nagiosHost, '2'])
    t.true(service?.startsWith('H'))
  }
  t.is(log.match(/EXTERNAL COMMAND: /g)?.length, commands.length)
})

test.serial('many at once: all come, the last of them last', async (t) => {
  const port = await server.startNsca({ method: 14, password, mode: '--daemon' })
  const send = open(t, { ...nscaAt(port), encryption: 14, password }, { service: 'Burst' })
  const count = 250
  const sending = Array.from({ length: count }, (_, i) => send({ subject: `burst ${i}.` }))
  await Promise.all(sending)
  await shown('Burst', `burst ${count - 1}.`)
  const log = await server.log()
  const come = [...log.matchAll(/EXTERNAL COMMAND: .*;burst (\d+)\./g)].map(([, i]) => Number(i))
  t.deepEqual(
    come,
    Array.from({ length: count }, (_, i) => i),
  )
})

test.serial('a service that Nagios does not know: only its log tells', async (t) => {
  const port = await server.startNsca({ method: 1, password: '' })
  const send = open(t, nscaAt(port), { service: 'Nowhere' })
  t.like(await send({}), { outcome: 'accepted' })
  await until('Nagios complains', async () =>
    (await server.log()).includes(
      "service 'Nowhere' on host 'mesoscope', but the service could not be found",
    ),
  )
})

test.serial('a daemon that does nothing: it fails in time, and later it comes', async (t) => {
  const port = await server.startNsca({ method: 1, password: '' })
  const channel = openNagiosChannel(
    { to: [nscaAt(port)], service: 'Late' },
    { clock: wallClock, timeoutMs: 300 },
  )
  t.teardown(() => channel.close())
  const send = async () => (await channel.send(messageOf({ subject: 'late' }), channel.targets))[0]
  server.freezeNsca()
  const delivery = await send()
  server.thawNsca()
  t.like(delivery, { outcome: 'failed', answered: false })
  t.regex(delivery?.detail ?? '', /no answer within 300 ms/)
  await until('it is taken', async () => (await send())?.outcome === 'accepted')
  await shown('Late', 'late')
})

test.serial('Nagios has ended: its command file is gone, and that is said', async (t) => {
  const send = open(t, commandFile())
  t.like(await send({ subject: 'the last' }), { outcome: 'accepted' })
  await shown('A /shop/web', 'the last')
  await server.stop()
  const delivery = await send({})
  t.like(delivery, { outcome: 'failed', answered: false })
  t.regex(delivery?.detail ?? '', /Nagios does not run/)
})
