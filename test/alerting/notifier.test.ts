import test, { type ExecutionContext } from 'ava'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { decodeAll } from '../../alerting/records.ts'
import { encodeRequest } from '../../alerting/requests.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import {
  line,
  mailTo,
  measured,
  openDesk,
  openMailbox,
  openWorld,
  publishBuckets,
  publishWatermark,
  bucket,
  ruleOf,
  second,
  silence,
  t0,
  until,
  type Desk,
} from './world.ts'

const at = (seconds: number) => t0 + seconds * second

async function notificationsOf(bus: Bus) {
  return decodeAll((await bus.snapshot('alerts')).latest).notifications
}

/** Evaluation begins, quietly; then errors make the rule fire. */
async function fire(bus: Bus, { alerting }: Desk) {
  await measured(bus, at(-10), at(0), 1)
  await until('quiet', () => alerting.through() === at(0))
  await measured(bus, at(0), at(20), 40)
}

async function resolve(bus: Bus) {
  await measured(bus, at(20), at(40), 1)
}

const byText = (a: unknown, b: unknown) => (String(a) < String(b) ? -1 : 1)

const sent = (bus: Bus, count: number) => async () => {
  const all = await notificationsOf(bus)
  return all.length === count && all.every((one) => one.sent)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

test('one mail when it fires and one, in the same thread, when it is over', async (t) => {
  const bus = await openWorld(t)
  const mailbox = await openMailbox(t)
  const desk = await openDesk(t, bus, { mail: mailTo(mailbox.port) })
  await fire(bus, desk)
  await until('the firing mail', () => mailbox.mails.length === 1)
  await resolve(bus)
  await until('both noted as sent', sent(bus, 2))
  t.is(mailbox.mails.length, 2)
  const [firing, resolved] = mailbox.mails
  const incident = desk.alerting.alerts()[0]?.incident
  t.is(firing?.subject, '[FIRING] HighErrorRate /shop/web: 8 errors/s > 5')
  t.is(resolved?.subject, '[RESOLVED] HighErrorRate /shop/web: after 15s, peak 8 errors/s')
  t.is(firing?.messageId, `<${incident}.firing@mesoscope.test>`)
  t.is(resolved?.messageId, `<${incident}.resolved@mesoscope.test>`)
  t.is(resolved?.inReplyTo, firing?.messageId)
  t.is(resolved?.references, firing?.messageId)
  t.is(firing?.inReplyTo, undefined)
  t.deepEqual(
    desk.changes.map((doc) => [doc['event.action'], doc['alert.state']].join(' ')).toSorted(),
    ['fired firing', 'notified firing', 'notified resolved', 'resolved resolved'],
  )
  t.is(new Set(desk.changes.map((doc) => doc['event.id'])).size, 4)
})

test('killed between state and mail: the mail is sent after the start, once', async (t) => {
  const bus = await openWorld(t)
  // Nobody answers there: it leaves what a kill leaves, decided and not sent.
  const down = mailTo(await freePort())
  const first = await openDesk(t, bus, { mail: down, retry: { firstMs: 60_000 } })
  await fire(bus, first)
  await until('decided', async () => (await notificationsOf(bus)).length === 1)
  await first.close()
  t.false((await notificationsOf(bus))[0]?.sent)

  const mailbox = await openMailbox(t)
  const later = await openDesk(t, bus, { mail: mailTo(mailbox.port) })
  await until('sent', sent(bus, 1))
  t.is(mailbox.mails.length, 1)
  await measured(bus, at(20), at(30), 40)
  await until('evaluated', () => later.alerting.through() === at(30))
  t.is(mailbox.mails.length, 1)

  await later.close()
  const third = await openDesk(t, bus, { mail: mailTo(mailbox.port) })
  await measured(bus, at(30), at(40), 40)
  await until('evaluated', () => third.alerting.through() === at(40))
  t.is(mailbox.attempts.length, 1, 'a restart sends nothing again')
})

test('killed between mail and its note: the same Message-ID goes out again', async (t) => {
  const bus = await openWorld(t)
  const mailbox = await openMailbox(t)
  let lost = true
  /** What a kill right after sending leaves: nothing that says so. */
  const forgetful: Bus = {
    ...bus,
    produce: async (topic, records) =>
      bus.produce(
        topic,
        lost
          ? records.filter(({ value }) => !Buffer.from(value).includes('"outcome":"accepted"'))
          : records,
      ),
  }
  const first = await openDesk(t, forgetful, { mail: mailTo(mailbox.port) })
  await fire(bus, first)
  await until('accepted', () => mailbox.mails.length === 1)
  await first.close()
  lost = false
  await openDesk(t, forgetful, { mail: mailTo(mailbox.port) })
  await until('sent again', sent(bus, 1))
  t.is(mailbox.mails.length, 2)
  t.is(mailbox.mails[0]?.messageId, mailbox.mails[1]?.messageId)
})

test('SMTP down, then up: told in trouble, sent when it is back, beginning before end', async (t) => {
  const bus = await openWorld(t)
  const port = await freePort()
  const metrics = openMetrics()
  const desk = await openDesk(t, bus, { mail: mailTo(port), metrics })
  await fire(bus, desk)
  await resolve(bus)
  await until('both decided', async () => (await notificationsOf(bus)).length === 2)
  await until('trouble', () =>
    new RegExp(`1 mail not accepted by 127.0.0.1:${port} since .*ECONNREFUSED`).test(
      desk.alerting.trouble() ?? '',
    ),
  )
  const mailbox = await openMailbox(t, {}, port)
  await until('both sent', sent(bus, 2))
  t.deepEqual(
    mailbox.mails.map(({ subject }) => subject?.split(' ')[0]),
    ['[FIRING]', '[RESOLVED]'],
  )
  t.regex(mailbox.mails[0]?.text ?? '', /It has ended meanwhile, at 2026-11-22 18:00:25 UTC/)
  t.regex(mailbox.mails[0]?.text ?? '', /This message is .* late/)
  t.is(desk.alerting.trouble(), undefined)
  const { values } = await metrics.notifications_total.get()
  t.true((values.find(({ labels }) => labels['outcome'] === 'failed')?.value ?? 0) > 0)
})

test('a 4xx answer is tried again', async (t) => {
  const bus = await openWorld(t)
  const answer = (_subject: string, attempt: number) => (attempt < 3 ? 451 : undefined)
  const mailbox = await openMailbox(t, { answer })
  const desk = await openDesk(t, bus, { mail: mailTo(mailbox.port) })
  await fire(bus, desk)
  await until('sent', sent(bus, 1))
  t.is(mailbox.attempts.length, 3)
  t.is(mailbox.mails.length, 1)
  t.false(desk.changes.some((doc) => doc['event.action'] === 'failed'))
})

test('a 5xx answer is recorded, told and tried again much later', async (t) => {
  const bus = await openWorld(t)
  let refusing = true
  const mailbox = await openMailbox(t, { answer: () => (refusing ? 550 : undefined) })
  const metrics = openMetrics()
  const desk = await openDesk(t, bus, { mail: mailTo(mailbox.port), metrics })
  await fire(bus, desk)
  const failed = await until('the change', () =>
    desk.changes.find((doc) => doc['event.action'] === 'failed'),
  )
  t.regex(failed.message, /\(firing\) was refused by mail oncall@example\.com: 550/)
  t.regex(desk.alerting.trouble() ?? '', /1 mail refused by 127\.0\.0\.1:\d+ .*550/)
  const [kept] = await notificationsOf(bus)
  t.like(kept, { sent: false })
  t.is(kept?.deliveries['mail oncall@example.com']?.outcome, 'refused')
  const { values } = await metrics.notifications_total.get()
  t.is(values.find(({ labels }) => labels['outcome'] === 'refused')?.value, 1)

  refusing = false
  await until('sent an "hour" later', sent(bus, 1))
  t.is(desk.changes.filter((doc) => doc['event.action'] === 'failed').length, 1)
  t.is(desk.alerting.trouble(), undefined)
})

test('a refused beginning does not hold up the end, nor another incident', async (t) => {
  const bus = await openWorld(t)
  const answer = (subject: string) => (/FIRING.*web/.test(subject) ? 554 : undefined)
  const mailbox = await openMailbox(t, { answer })
  const desk = await openDesk(t, bus, {
    mail: mailTo(mailbox.port),
    retry: { refusedMs: 3_600_000 },
  })
  await fire(bus, desk)
  await publishBuckets(bus, [bucket('error_rate', { service: '/other' }, at(20), 100)])
  await resolve(bus)
  await until('the others', () => mailbox.mails.length >= 3)
  t.deepEqual(mailbox.mails.map(({ subject }) => subject?.split(':')[0]).toSorted(byText), [
    '[FIRING] HighErrorRate /other',
    '[RESOLVED] HighErrorRate /other',
    '[RESOLVED] HighErrorRate /shop/web',
  ])
})

test('a mail that is put off does not delay others', async (t) => {
  const bus = await openWorld(t)
  const answer = (subject: string) => (subject.includes('/shop/web') ? 451 : undefined)
  const mailbox = await openMailbox(t, { answer })
  const desk = await openDesk(t, bus, {
    mail: mailTo(mailbox.port),
    retry: { firstMs: 3_600_000, maxMs: 3_600_000 },
  })
  await fire(bus, desk)
  await until('put off', () => mailbox.attempts.length === 1)
  await publishBuckets(bus, [bucket('error_rate', { service: '/other' }, at(20), 100)])
  await measured(bus, at(20), at(25), 40)
  await until('the other', () => mailbox.mails.length === 1)
  t.regex(mailbox.mails[0]?.subject ?? '', /\/other/)
})

test('of several recipients each is tried until it accepted, and no longer', async (t) => {
  const bus = await openWorld(t)
  let busy = 2
  const answerRecipient = (address: string) => {
    if (address === 'gone@example.com') return 550
    return address === 'busy@example.com' && busy-- > 0 ? 450 : undefined
  }
  const mailbox = await openMailbox(t, { answerRecipient })
  const to = ['fine@example.com', 'busy@example.com', 'gone@example.com']
  const desk = await openDesk(t, bus, {
    mail: mailTo(mailbox.port, to),
    retry: { firstMs: 20, maxMs: 50, refusedMs: 3_600_000 },
  })
  await fire(bus, desk)
  await until('two attempts got through', () => mailbox.attempts.length === 2)
  t.deepEqual(
    mailbox.attempts.map(({ recipients }) => recipients),
    [['fine@example.com'], ['busy@example.com']],
  )
  await until('noted', async () => {
    const [kept] = await notificationsOf(bus)
    const outcomes = Object.entries(kept?.deliveries ?? {}).map(([to, { outcome }]) => [
      to,
      outcome,
    ])
    return (
      JSON.stringify(outcomes.toSorted(byText)) ===
      JSON.stringify([
        ['mail busy@example.com', 'accepted'],
        ['mail fine@example.com', 'accepted'],
        ['mail gone@example.com', 'refused'],
      ])
    )
  })
  t.is(mailbox.mails[0]?.messageId, mailbox.mails[1]?.messageId)
})

test('a wrong password is a refusal that names the server', async (t) => {
  const bus = await openWorld(t)
  const mailbox = await openMailbox(t, {
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: (_auth, _session, done) => {
      done(Object.assign(new Error('Authentication failed'), { responseCode: 535 }))
    },
  })
  const mail = { ...mailTo(mailbox.port), user: 'mesoscope', password: 'wrong' }
  const desk = await openDesk(t, bus, { mail })
  await fire(bus, desk)
  await until('trouble', () => /refused by 127.*535/.test(desk.alerting.trouble() ?? ''))
  t.notRegex(desk.alerting.trouble() ?? '', /wrong/)
})

/** A server that accepts connections and never says a word. */
async function openSilentServer(t: ExecutionContext): Promise<number> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

test('a server that says nothing is given up after the time limit', async (t) => {
  const bus = await openWorld(t)
  const mail = mailTo(await openSilentServer(t))
  const desk = await openDesk(t, bus, { mail, stepTimeoutMs: 100 })
  await fire(bus, desk)
  await until('trouble', () => desk.alerting.trouble())
  t.regex(
    desk.alerting.trouble() ?? '',
    /1 mail not accepted by .*(Greeting never received|Connection timeout|Timeout)/,
  )
})

test('closing ends, though a mail hangs; the mail stays on the bus', async (t) => {
  const bus = await openWorld(t)
  const desk = await openDesk(t, bus, { mail: mailTo(await openSilentServer(t)) })
  await fire(bus, desk)
  await until('decided', async () => (await notificationsOf(bus)).length === 1)
  await desk.close()
  t.false((await notificationsOf(bus))[0]?.sent)
})

test('without mail settings alerts are shown and put on the timeline', async (t) => {
  const bus = await openWorld(t)
  const desk = await openDesk(t, bus)
  await fire(bus, desk)
  await until('done', sent(bus, 1))
  t.deepEqual(
    desk.changes.map((doc) => doc['event.action']),
    ['fired'],
  )
})

test('a timeline that refuses holds up no mail, and gets the changes later', async (t) => {
  const bus = await openWorld(t)
  const mailbox = await openMailbox(t)
  let away = true
  const got: string[] = []
  const desk = await openDesk(t, bus, {
    mail: mailTo(mailbox.port),
    publish: async (docs) => {
      if (away) throw new Error('away')
      got.push(...docs.map((doc) => doc['event.action']))
    },
  })
  await fire(bus, desk)
  await until('the mail', () => mailbox.mails.length === 1)
  t.false((await notificationsOf(bus))[0]?.sent)
  away = false
  await until('noted', sent(bus, 1))
  t.deepEqual(got.toSorted(), ['fired', 'notified'])
})

test('lines that cannot be searched hold up no mail; it says so', async (t) => {
  const bus = await openWorld(t)
  const mailbox = await openMailbox(t)
  const samples = async () => {
    throw new Error('the store is away')
  }
  const desk = await openDesk(t, bus, { mail: mailTo(mailbox.port), samples })
  await fire(bus, desk)
  await until('the mail', () => mailbox.mails.length === 1)
  t.regex(mailbox.mails[0]?.text ?? '', /the lines could not be searched: the store is away/)
})

test('lines that become searchable a moment later are waited for', async (t) => {
  const bus = await openWorld(t)
  const mailbox = await openMailbox(t)
  let asked = 0
  const samples = async () => (asked++ < 2 ? [] : [line(at(3), 'here at last')])
  const desk = await openDesk(t, bus, { mail: mailTo(mailbox.port), samples, patienceMs: 20_000 })
  await fire(bus, desk)
  await until('the mail', () => mailbox.mails.length === 1)
  t.regex(mailbox.mails[0]?.text ?? '', /here at last/)
})

test('the mail of a silent service shows its last line', async (t) => {
  const bus = await openWorld(t)
  const mailbox = await openMailbox(t)
  const asked: unknown[] = []
  const desk = await openDesk(t, bus, {
    mail: mailTo(mailbox.port),
    signals: silence,
    rules: [ruleOf({ alert: 'NoLines', when: 'silent == 1' })],
    samples: async (query) => {
      asked.push(query)
      return [line(at(4.9), 'goodbye')]
    },
  })
  await publishBuckets(bus, [bucket('silent', { service: '/shop/web' }, at(0), 3)])
  await publishWatermark(bus, at(5))
  await until('evaluated', () => desk.alerting.through() === at(5))
  await publishWatermark(bus, at(30))
  await until('the mail', () => mailbox.mails.length === 1)
  t.is(mailbox.mails[0]?.subject, '[FIRING] NoLines /shop/web: no line for 20s')
  t.regex(mailbox.mails[0]?.text ?? '', /Last line seen, at 2026-11-22 18:00:04 UTC:\n.*goodbye/)
  t.deepEqual(asked[0], {
    service: '/shop/web',
    query: '',
    from: at(4.9),
    to: at(4.9) + 1,
    limit: 200,
  })
})

const silenceRequest = (endsAt: number) =>
  encodeRequest({
    kind: 'silence',
    id: 's1',
    atMs: Date.now(),
    silence: {
      matchers: [{ name: 'service', op: '=', value: '/shop/web' }],
      startsAt: Date.now(),
      endsAt,
      createdBy: 'ana',
      comment: 'a new disk',
    },
  })

const isSilenced = (bus: Bus) => async () =>
  decodeAll((await bus.snapshot('alerts')).latest).silences.length === 1

test('what is silenced is mailed when the silence is over, if it still fires', async (t) => {
  const bus = await openWorld(t)
  const mailbox = await openMailbox(t)
  await bus.produce('requests', [silenceRequest(Date.now() + 3_600_000)])
  const desk = await openDesk(t, bus, { mail: mailTo(mailbox.port) })
  await until('silenced', isSilenced(bus))
  await fire(bus, desk)
  await until('it fires', () => desk.alerting.alerts()[0]?.state === 'firing')
  await until('that is on the timeline', () => desk.changes.length === 1)
  t.is(mailbox.attempts.length, 0)
  await bus.produce('requests', [encodeRequest({ kind: 'expire', id: 's1', atMs: Date.now() })])
  await until('the mail', () => mailbox.mails.length === 1)
  t.regex(mailbox.mails[0]?.subject ?? '', /FIRING/)
})

test('what ends under its silence is not mailed, neither beginning nor end, also over a restart', async (t) => {
  const bus = await openWorld(t)
  const mailbox = await openMailbox(t)
  await bus.produce('requests', [silenceRequest(Date.now() + 3_600_000)])
  const first = await openDesk(t, bus, { mail: mailTo(mailbox.port) })
  await until('silenced', isSilenced(bus))
  await fire(bus, first)
  await until('decided', async () => (await notificationsOf(bus)).length === 1)
  await first.close()
  const second = await openDesk(t, bus, { mail: mailTo(mailbox.port) })
  await resolve(bus)
  await until('both are done with', sent(bus, 2))
  t.is(mailbox.attempts.length, 0)
  t.regex((await notificationsOf(bus)).find(({ muted }) => muted)?.muted ?? '', /silenced by s1/)
  await second.close()
})
