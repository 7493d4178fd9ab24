import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { openIntegration } from '../../alerting/channels/of-integration.ts'
import type { Evidence } from '../../alerting/evidence.ts'
import { noEvidence } from '../../alerting/group-message/told.ts'
import { renderGroup, type GroupOptions } from '../../alerting/group-message.ts'
import type { Notification as Known } from '../../alerting/records.ts'
import { readStagesConfig } from '../../alerting/stages/config.ts'
import type { NotifiedAlert } from '../../alerting/stages/groups.ts'
import { wallClock } from '../../pipeline/clock.ts'
import type { StoredDoc } from '../../pipeline/store/store.ts'
import { json, openHttpServer } from '../helpers/http-server.ts'
import { knownOf, someAlert, someNotification } from './some-notification.ts'
import { line, openMailbox, t0 } from './world.ts'

const minute = 60_000

/** Our own rules know those with a value; `found` is what is behind each of them. */
function optionsOf(
  values: readonly (readonly [NotifiedAlert, number])[] = [],
  found?: (known: Known) => Partial<Evidence>,
): GroupOptions {
  const known = new Map(values.map(([alert, value]) => [alert.fingerprint, knownOf(alert, value)]))
  return {
    known: ({ fingerprint }) => known.get(fingerprint),
    evidence: (one) => found && { ...noEvidence(one), ...found(one) },
    publicUrl: 'https://logs.test/',
    nowMs: t0,
  }
}

const web = someAlert({ labels: { severity: 'warning', zone: 'a' } })
const cart = someAlert({
  labels: { service: '/shop/cart', severity: 'critical', zone: 'b' },
  annotations: { runbook: 'https://runbooks.test/cart' },
  ago: minute,
})
const api = someAlert({
  labels: { service: '/shop/api', severity: 'warning', zone: 'a' },
  ago: 10 * minute,
  overSince: minute,
})

test('a group of three: five lines on top, then the worst first, then what is over', (t) => {
  const values = [
    [web, 7.2],
    [cart, 12],
    [api, 9.1],
  ] as const
  const found = ({ alert }: Known) => ({
    owner: 'team-shop',
    ...(alert.group.service === '/shop/cart'
      ? { service: { instances: 3, running: 2, healthy: 1 } }
      : { lines: [line(t0, 'boom', { version: '1.7' })] }),
  })
  const { subject, text } = renderGroup(someNotification([web, cart, api]), {
    ...optionsOf(values, found),
    others: ['pager', 'board'],
  })
  t.is(subject, '[FIRING:2] HighErrorRate /shop/cart, /shop/web: worst 12 errors/s > 5')
  t.deepEqual(text.split('\n'), [
    'FIRING HighErrorRate /shop/cart, /shop/web: worst 12 errors/s > 5',
    '',
    'What:     HighErrorRate',
    'How many: 2 firing, 1 resolved',
    'Since:    2026-11-22 17:57:00 UTC (for 3m)',
    'Services: /shop/cart, /shop/web',
    'Worst:    /shop/cart: 12 errors/s > 5',
    'Owner:    team-shop',
    'Told too: pager, board',
    '',
    'All alerts of the receiver: https://logs.test/#/alerts?receiver=ops',
    'The form to silence it: https://logs.test/#/alerts?silence=%7Balertname%3D%22HighErrorRate%22%7D',
    '',
    '1. HighErrorRate /shop/cart:',
    '  12 errors/s > 5',
    '  Since 2026-11-22 17:58:00 UTC (for 2m)',
    '  severity=critical, zone=b',
    '  Marathon: 3 wanted, 2 running, 1 healthy',
    '  These lines: https://logs.test/#/logs?service=/shop/cart&query=level:error&from=2026-11-22T17:57:00.000Z&to=2026-11-22T18:00:00.000Z',
    '  Runbook: https://runbooks.test/cart',
    '',
    '2. HighErrorRate /shop/web:',
    '  7.2 errors/s > 5',
    '  Since 2026-11-22 17:57:00 UTC (for 3m)',
    '  severity=warning, zone=a',
    '  Version: 1.7',
    '  These lines: https://logs.test/#/logs?service=/shop/web&query=level:error&from=2026-11-22T17:56:00.000Z&to=2026-11-22T18:00:00.000Z',
    '',
    'Resolved:',
    '  2026-11-22 17:59:00 UTC  HighErrorRate /shop/api (severity=warning, zone=a): after 10m, peak 9.1 errors/s',
    '',
    'To silence it for two hours:',
    `  mesoscope silence add --for=2h --comment='say why' 'alertname="HighErrorRate"'`,
    `  amtool silence add '--alertmanager.url=https://logs.test/' --duration=2h --comment='say why' 'alertname="HighErrorRate"'`,
    '',
  ])
})

test('one alert of our own rules is told with its evidence, and with how to silence it', (t) => {
  const options = optionsOf([[web, 7.2]], () => ({
    lines: [line(t0 - 1000, 'boom', { version: '1.7' })],
    service: { instances: 3, running: 2 },
    owner: 'team-shop',
  }))
  const told = renderGroup(someNotification([web]), { ...options, others: ['pager'] })
  t.is(told.subject, '[FIRING] HighErrorRate /shop/web: 7.2 errors/s > 5')
  t.is(told.incident, knownOf(web, 7.2).incident)
  for (const row of [
    /^Value: +7\.2 errors\/s > 5$/m,
    /^Since: +2026-11-22 17:57:00 UTC \(for 3m\)$/m,
    /^Marathon: +3 wanted, 2 running$/m,
    /^Version: +1\.7$/m,
    /^Owner: +team-shop$/m,
    /^Told too: +pager$/m,
    /^ {2}2026-11-22 17:59:59 UTC {2}boom$/m,
    /^These lines: https:\/\/logs\.test\/#\/logs\?service=\/shop\/web&/m,
    /^ {2}mesoscope silence add .* 'alertname="HighErrorRate"' 'service="\/shop\/web"' 'severity="warning"' 'zone="a"'$/m,
  ]) {
    t.regex(told.text, row)
  }
  const { extra } = told.group ?? {}
  t.regex(extra?.text ?? '', /^Service: .*\n[^]*boom[^]*silence add/)
  t.deepEqual(
    extra?.links.map(({ name }) => name),
    ['These lines', 'This service', 'The form to silence it'],
  )
})

/** A rule on deaths; the last one was out of memory. */
function deathsOf(alert: NotifiedAlert): { known: Known; found: Partial<Evidence> } {
  const known = knownOf(alert, 6)
  const signal = { name: 'deaths', from: 'changes', where: 'kind:task', measure: 'count' } as const
  const facts = { ...known.facts, signals: [{ ...signal, overMs: minute }] }
  const death: StoredDoc = {
    '@timestamp': new Date(t0).toISOString(),
    'event.id': 'change:task:web.1',
    'event.kind': 'task',
    'event.action': 'died',
    message: 'web.1 died',
    'process.exit_code': 137,
    'container.oom_killed': true,
    'mesos.task.id': 'web.1',
  }
  const deployment = {
    id: 'd1',
    atMs: t0 - 3 * minute,
    beforeMs: 3 * minute,
    action: 'succeeded',
    changed: [],
  }
  return { known: { ...known, facts }, found: { changes: [death], around: { nth: 2, deployment } } }
}

test('a death: its post-mortem where it is alone, else how it ended and where it is explained', (t) => {
  const { known, found } = deathsOf(web)
  const options = {
    ...optionsOf([[cart, 7]]),
    known: ({ fingerprint }: NotifiedAlert) =>
      fingerprint === web.fingerprint ? known : knownOf(cart, 7),
    evidence: (one: Known) =>
      one.incident === known.incident ? { ...noEvidence(one), ...found } : undefined,
  }
  const alone = renderGroup(someNotification([web]), options).text
  t.regex(alone, /^Exit code: +137 \(SIGKILL\)$/m)
  t.regex(alone, /^Last deployment: +d1, begun 3 min before, succeeded$/m)
  const among = renderGroup(someNotification([web, cart]), options).text
  t.regex(among, /^ {2}Exit code: 137 \(SIGKILL\), out of memory$/m)
  t.regex(among, /^ {2}Last deployment: d1, begun 3 min before, succeeded$/m)
  t.regex(among, /^ {2}Why this task ended: https:\/\/logs\.test\/#\/why\?task=web\.1$/m)
})

test('what fires is told as it stands now, also hours later: a reminder is not late', (t) => {
  const nowMs = t0 + 4 * 60 * minute
  const { text } = renderGroup(someNotification([web]), { ...optionsOf([[web, 7.2]]), nowMs })
  t.regex(text, /^Since: +2026-11-22 17:57:00 UTC \(for 4h 3m\)$/m)
  t.notRegex(text, / late:/)
  const over = renderGroup(someNotification([api]), { ...optionsOf([[api, 9]]), nowMs })
  t.notRegex(over.text, / late:/)
})

test('the dispatcher says whether it fires: what the rule saw meanwhile is a note, and an end without one ends', (t) => {
  const over = { ...web, status: 'resolved' as const, endsAt: t0 }
  const ended = { ...optionsOf(), known: () => knownOf(over, 7.2) }
  const firing = renderGroup(someNotification([web]), ended)
  t.is(firing.subject, '[FIRING] HighErrorRate /shop/web: 7.2 errors/s > 5')
  t.regex(firing.text, /It has ended meanwhile, at 2026-11-22 18:00:00 UTC\./)
  const still = { ...optionsOf(), known: () => knownOf(web, 7.2) }
  const resolved = renderGroup(someNotification([over]), still)
  t.is(resolved.subject, '[RESOLVED] HighErrorRate /shop/web: after 3m, peak 7.2 errors/s')
  t.is(resolved.state, 'resolved')
  t.notRegex(resolved.text, /silence|These lines/)
})

test('an alert from outside: its labels, what its sender says, where it comes from', (t) => {
  const outside = someAlert({
    labels: { alertname: 'Slow', service: '/db', severity: 'page' },
    annotations: {
      summary: 'p99 is 3 s',
      description: 'since the\nlast deployment',
      runbook_url: 'https://runbooks.test/slow',
      owner: 'dba',
    },
    generatorURL: 'http://prometheus.test/graph?g0.expr=up',
  })
  const { subject, text } = renderGroup(someNotification([outside]), optionsOf())
  t.is(subject, '[FIRING] Slow /db: p99 is 3 s')
  t.deepEqual(text.split('\n').slice(0, 21), [
    'FIRING Slow /db: p99 is 3 s',
    '',
    'Service:  /db',
    'Since:    2026-11-22 17:58:00 UTC (for 2m)',
    'Severity: page',
    'Owner:    dba',
    'Runbook:  https://runbooks.test/slow',
    '',
    'Its source: http://prometheus.test/graph?g0.expr=up',
    'The form to silence it: https://logs.test/#/alerts?silence=%7Balertname%3D%22Slow%22%2Cservice%3D%22/db%22%2Cseverity%3D%22page%22%7D',
    '',
    'Labels:',
    '  alertname = Slow',
    '  service = /db',
    '  severity = page',
    '',
    'What its sender says besides:',
    '  description = since the',
    '    last deployment',
    '',
    'To silence it for two hours:',
  ])
  const over = someAlert({ labels: { alertname: 'Slow' }, ago: 5 * minute, overSince: minute })
  const resolved = renderGroup(someNotification([over]), optionsOf())
  t.is(resolved.subject, '[RESOLVED] Slow /shop/web: after 4m')
  t.regex(resolved.text, /^Lasted: +4m, 2026-11-22 17:55:00 UTC to 2026-11-22 17:59:00 UTC$/m)
})

test('a group that is over: when it was, and each of its alerts', (t) => {
  const db = someAlert({ labels: { service: '', job: 'db' }, ago: 3 * minute, overSince: 0 })
  const { subject, text, state } = renderGroup(someNotification([api, db]), optionsOf([[api, 9.1]]))
  t.is(state, 'resolved')
  t.is(subject, '[RESOLVED] HighErrorRate /shop/api, db')
  t.regex(text, /^How many: 2 resolved$/m)
  t.regex(text, /^When: +2026-11-22 17:49:00 UTC to 2026-11-22 18:00:00 UTC$/m)
  t.regex(text, /^ {2}2026-11-22 18:00:00 UTC {2}HighErrorRate db .*: after 3m$/m)
  t.notRegex(text, /silence add/)
})

/** The services of the numbered alerts, in their order. */
function order(text: string): string[] {
  return [...text.matchAll(/^\d+\. HighErrorRate (\S+):$/gm)].map(([, service]) => service ?? '')
}

test('the worst: by severity, then by how far beyond the threshold, then by age', (t) => {
  const of = (service: string, severity: string, ago = minute) =>
    someAlert({ labels: { service, severity }, ago })
  const alerts = [
    of('info', 'info', 9 * minute),
    of('twice', 'warning'),
    of('thrice', 'warning'),
    of('older', 'warning', 5 * minute),
    of('odd', 'whatever', 4 * minute),
    of('page', 'Page'),
  ]
  const numbers = [100, 10, 15, 10, 10, 6]
  const values = alerts.map((alert, i) => [alert, numbers[i] ?? 0] as const)
  const { text } = renderGroup(someNotification(alerts), optionsOf(values))
  t.deepEqual(order(text), ['page', 'thrice', 'older', 'odd', 'twice', 'info'])
  const low = optionsOf(values)
  const lowIsWorse = (alert: NotifiedAlert) => {
    const known = low.known(alert)
    return known && { ...known, facts: { ...known.facts, lowIsWorse: true } }
  }
  const lower = renderGroup(someNotification(alerts), { ...low, known: lowIsWorse })
  t.deepEqual(order(lower.text), ['page', 'older', 'odd', 'twice', 'thrice', 'info'])
})

test('a thousand alerts with huge labels: thirty are shown, the others counted', (t) => {
  const alerts = Array.from({ length: 1000 }, (_, i) =>
    someAlert({
      labels: { service: `/s/${i}`, big: `${i}`.repeat(5000) },
      annotations: { summary: 'y'.repeat(5000) },
      ...(i % 4 === 0 ? { overSince: 1000 } : {}),
    }),
  )
  const { text, html, subject, group } = renderGroup(someNotification(alerts), optionsOf())
  t.is(order(text).length, 30)
  t.regex(text, /^How many: 750 firing, 250 resolved$/m)
  t.regex(text, /^Services: \/s\/1, .* and 745 more$/m)
  t.regex(text, /^720 more fire and are not shown here\.$/m)
  t.regex(text, /^220 more are over and are not shown here\.$/m)
  t.true(text.length < 60_000 && html.length < 120_000 && subject.length < 210)
  t.is(group?.alerts.length, 1000)
})

test('nobody can tell: only where that holds for all that fire', (t) => {
  const unknown = (alert: NotifiedAlert) => {
    const known = knownOf(alert, 7)
    return { ...known, alert: { ...known.alert, unknownSince: t0 } }
  }
  const told = (known: GroupOptions['known']) =>
    renderGroup(someNotification([web, cart, api]), { ...optionsOf(), known }).unknown
  t.true(told(unknown))
  t.is(
    told((alert) => (alert === cart ? knownOf(alert, 7) : unknown(alert))),
    undefined,
  )
  t.is(
    told(() => undefined),
    undefined,
  )
})

test('the same notification has the same id however often it is sent; any other has another', (t) => {
  const id = (alerts: NotifiedAlert[], overrides = {}, options = optionsOf()) => {
    const { id, thread } = renderGroup(someNotification(alerts, overrides), options)
    t.is(thread, 'group-cbc7a356b874c7d0')
    return id
  }
  const first = id([web, cart])
  t.regex(first ?? '', /^[0-9a-f]{32}$/)
  t.is(id([web, cart], { attempt: 7 }, { ...optionsOf([[web, 9]]), nowMs: t0 + 1e6 }), first)
  t.is(id([{ ...web, endsAt: t0 + 9e6, updatedAt: t0 + 1 }, cart]), first)
  const over = { ...web, status: 'resolved' as const, endsAt: t0 }
  const reminder = { reason: 'repeat interval elapsed' }
  const others = [
    id([web]),
    id([over, cart]),
    id([{ ...over, endsAt: t0 + 1 }, cart]),
    id([{ ...web, startsAt: t0 }, cart]),
    id([web, cart], { receiver: 'dev' }),
    id([web, cart], { ...reminder, id: '2' }),
    id([web, cart], { ...reminder, id: '3' }),
  ]
  t.is(new Set([first, ...others]).size, 8)
  t.is(id([web, cart], { ...reminder, id: '2', attempt: 2 }), others[5])
  const elsewhere = renderGroup(someNotification([web], { groupKey: 'x' }), optionsOf())
  t.not(elsewhere.thread, 'group-cbc7a356b874c7d0')
})

const evil =
  '<img src=x onerror=alert(1)>"\'&\r\nBcc: all@example.com\u001b[31m\u202egpj\u0000\ud800'
// oxlint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/

function isHarmless(t: ExecutionContext, alerts: NotifiedAlert[], options: GroupOptions) {
  const { subject, text, html, id, thread } = renderGroup(someNotification(alerts), options)
  for (const part of [subject, text, html]) {
    t.notRegex(part, forbidden)
    t.true(part.isWellFormed())
  }
  t.notRegex(subject, /[\r\n]/)
  t.regex(`${id}${thread}`, /^[0-9a-f]{32}group-[0-9a-f]{16}$/)
  const tags = new Set([...html.matchAll(/<\/?(\w+|!doctype)/g)].map(([, name]) => name))
  const ours = [
    '!doctype',
    'html',
    'head',
    'meta',
    'body',
    'div',
    'table',
    'tr',
    'td',
    'p',
    'a',
    'span',
    'br',
  ]
  t.deepEqual(
    [...tags].filter((tag) => !ours.includes(tag ?? '')),
    [],
  )
  for (const [, href] of html.matchAll(/href="([^"]*)"/g)) t.regex(href ?? '', /^https?:\/\//)
  t.false(/onerror=alert\(1\)>/.test(html))
}

test('nothing in a label or an annotation is markup, a header, or hidden', (t) => {
  const labels = { alertname: evil, service: evil, [evil]: evil, severity: evil, owner: evil }
  const annotations = { summary: evil, runbook: 'javascript:alert(1)', [evil]: evil }
  const generatorURL = 'javascript:alert(1)'
  const one = someAlert({ labels, annotations, generatorURL })
  const two = someAlert({ labels: { ...labels, n: '2' }, annotations, generatorURL })
  const over = someAlert({ labels: { ...labels, n: '3' }, annotations, overSince: 1000 })
  for (const options of [
    optionsOf(),
    optionsOf([
      [one, 7],
      [two, 8],
      [over, 9],
    ]),
  ]) {
    isHarmless(t, [one], { ...options, others: [evil] })
    isHarmless(t, [one, two, over], { ...options, others: [evil] })
  }
})

test('whatever the labels hold, the message is harmless', (t) => {
  const texts = fc.dictionary(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.constant(evil)),
    { maxKeys: 5, noNullPrototype: true },
  )
  const alert = fc
    .record({ labels: texts, annotations: texts, generatorURL: fc.webUrl() })
    .map(someAlert)
  fc.assert(
    fc.property(fc.array(alert, { minLength: 1, maxLength: 3 }), (alerts) => {
      isHarmless(t, alerts, optionsOf())
    }),
    { numRuns: 60 },
  )
})

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

/** The words that stand in the HTML, with the addresses it links to. */
function wordsOfHtml(html: string): Set<string> {
  const hrefs = [...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href).join(' ')
  const plain = `${html.replace(/<[^>]*>/g, ' ')} ${hrefs}`.replace(
    /&(amp|lt|gt|quot|#39);/g,
    (_, name: string) => entities[name] ?? '',
  )
  return new Set(plain.toLowerCase().split(/\s+/).map(bare))
}

const bare = (word: string) => word.replace(/:$/, '')

test('text and HTML say the same', (t) => {
  const outside = someAlert({
    labels: { service: '', job: 'db' },
    annotations: { summary: 'a <b> & "c"', more: 'one\ntwo' },
    generatorURL: 'http://prometheus.test/?a=1&b=2',
  })
  const options = {
    ...optionsOf(
      [
        [web, 7.2],
        [cart, 12],
        [api, 9],
      ],
      () => ({ owner: 'team-shop' }),
    ),
    others: ['pager'],
  }
  for (const alerts of [[web, cart, api, outside], [web], [outside], [api]]) {
    const { text, html } = renderGroup(someNotification(alerts), options)
    const words = wordsOfHtml(html)
    // The HTML has `Open these lines` where the text has `These lines: <address>`.
    const missing = text
      .toLowerCase()
      .split(/\s+/)
      .map(bare)
      .filter((word) => !words.has(word))
    t.deepEqual(missing, [])
  }
})

test('without the address of the page there is no link to it', (t) => {
  const told = { ...optionsOf([[web, 7]]), publicUrl: undefined }
  for (const alerts of [[web], [web, cart, api]]) {
    const { text, html } = renderGroup(someNotification(alerts), told)
    t.notRegex(text, /#\/|amtool/)
    t.notRegex(html, /href="(?!https:\/\/runbooks\.test)/)
    t.regex(text, /mesoscope silence add/)
  }
})

/** A receiver with `list` (YAML of one `…_configs`) is told. */
async function sendTo(t: ExecutionContext, list: string, host: string, alerts: NotifiedAlert[]) {
  const source = `route: {receiver: a}\nreceivers: [{name: a, ${list}}]\n`
  const [integration] = readStagesConfig(source, 'am.yml').receivers.get('a') ?? []
  if (!integration) throw new Error('no integration')
  const channel = openIntegration(integration, { clock: wallClock, hosts: [host], name: 'a' })
  t.teardown(() => channel.close())
  const values = alerts.map((alert) => [alert, 7] as const)
  const message = renderGroup(someNotification(alerts), optionsOf(values))
  const deliveries = await channel.send(message, channel.targets)
  t.deepEqual([...new Set(deliveries.map(({ outcome }) => outcome))], ['accepted'])
  return message
}

test('mails of one group stand in one thread; what a label holds makes no header', async (t) => {
  const mailbox = await openMailbox(t)
  const list = `email_configs: [{to: 'a@example.org, b@example.org', from: m@example.org, smarthost: '127.0.0.1:${mailbox.port}', require_tls: false, send_resolved: true}]`
  const hostile = someAlert({ labels: { service: evil } })
  const first = await sendTo(t, list, '', [hostile])
  await sendTo(t, list, '', [hostile])
  await sendTo(t, list, '', [{ ...hostile, status: 'resolved', endsAt: t0 }])
  const [one, again, over] = mailbox.mails
  t.is(mailbox.mails.length, 3)
  t.deepEqual(mailbox.attempts[0]?.recipients, ['a@example.org', 'b@example.org'])
  t.is(one?.messageId, `<${first.id}@example.org>`)
  t.is(again?.messageId, one?.messageId)
  t.not(over?.messageId, one?.messageId)
  for (const mail of mailbox.mails) {
    t.is(mail.references, `<${first.thread}@example.org>`)
    t.is(mail.inReplyTo, `<${first.thread}@example.org>`)
    t.false(mail.headers.has('bcc'))
  }
  t.regex(one?.subject ?? '', /^\[FIRING\] HighErrorRate <img src=x .*Bcc: all@example\.com/)
  t.is(one?.text?.trim(), first.text.trim())
})

test('channels to programs get the same as text and links', async (t) => {
  const server = await openHttpServer(t, ({ url }, response) => {
    if (url === '/slack') response.end('ok')
    else json(response, { status: 'success' }, 202)
  })
  const lists = [
    `webhook_configs: [{url: '${server.url}/hook'}]`,
    `slack_configs: [{api_url: '${server.url}/slack', channel: '#ops'}]`,
    `pagerduty_configs: [{routing_key: k, url: '${server.url}/pd'}]`,
    `opsgenie_configs: [{api_key: k, api_url: '${server.url}/'}]`,
  ]
  for (const list of lists) await sendTo(t, list, server.host, [web, cart])
  const bodies = server.asked.map(({ body }) => body)
  t.is(bodies.length, 4)
  for (const body of bodies) {
    t.regex(body, /Services: .*\/shop\/web/)
    t.regex(body, /https:\/\/logs\.test\/#\/alerts\?silence=/)
  }
  const [webhook] = bodies.map((body) => JSON.parse(body) as Record<string, object>)
  t.deepEqual(Object.keys(webhook?.['extra'] ?? {}), ['text', 'links'])
})
