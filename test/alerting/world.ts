import type { ExecutionContext } from 'ava'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { simpleParser, type ParsedMail } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { openAlerting, type Alerting, type AlertingOptions } from '../../alerting/index.ts'
import { readStages } from '../../alerting/stages/read.ts'
import type { RuleDeclaration } from '../../alerting/rules/rule.ts'
import type { SignalDeclarations } from '../../pipeline/signals.ts'
import { openEmbeddedBus } from '../../pipeline/bus/embedded.ts'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { manualClock, pause, wallClock } from '../../pipeline/clock.ts'
import { msToIso, type ChangeDoc, type LogDoc, type SignalBucket } from '../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../pipeline/identity.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'

/** Event time at which the stories begin; on the grid. */
export const t0 = Date.parse('2026-11-22T18:00:00Z')
export const second = 1000

export const errorRate: SignalDeclarations = {
  error_rate: {
    from: 'logs',
    where: 'level:error',
    measure: 'rate',
    overMs: 10 * second,
    by: ['service'],
  },
}

export const silence: SignalDeclarations = {
  silent: { from: 'logs', where: '', measure: 'absent', overMs: 20 * second, by: ['service'] },
}

export function ruleOf(rule: Partial<RuleDeclaration> = {}): RuleDeclaration {
  return {
    alert: 'HighErrorRate',
    when: 'error_rate > 5',
    forMs: 0,
    keepFiringForMs: 0,
    labels: { severity: 'page' },
    annotations: {},
    ...rule,
  }
}

/** A directory of its own, removed after the test. */
export async function tempDir(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-alerting-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export async function busIn(dir: string): Promise<Bus> {
  return openEmbeddedBus({ dir, clock: wallClock })
}

/** Waits for what has to come, with a deadline that only a broken program meets. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  deadlineMs = 15_000,
): Promise<NonNullable<T>> {
  const begin = performance.now()
  while (performance.now() - begin < deadlineMs) {
    const found = await look()
    if (found) return found
    await pause(10)
  }
  throw new Error(`not within ${deadlineMs} ms: ${what}`)
}

export function bucket(
  signal: string,
  group: Identity,
  from: number,
  count: number,
  partition = 0,
): SignalBucket {
  const to = from + 5 * second
  return { signal, group, from, to, partition, count, lastMs: to - 100 }
}

export async function publishBuckets(bus: Bus, buckets: SignalBucket[]) {
  const value = Buffer.from(JSON.stringify(buckets))
  await bus.produce('signals', [{ key: '0', value, headers: { kind: 'bucket' } }])
}

/** Says that everything before `through` has been measured, in all partitions or in one. */
export async function publishWatermark(bus: Bus, through: number, only?: number) {
  const partitions = only === undefined ? [...Array(bus.partitions('logs')).keys()] : [only]
  await bus.produce(
    'signals',
    partitions.map((partition) => ({
      key: String(partition),
      value: Buffer.from(JSON.stringify({ partition, through })),
      headers: { kind: 'watermark' },
    })),
  )
}

/** `count` errors in each 5 s of [from, to), and everything measured up to `to`. */
export async function measured(bus: Bus, from: number, to: number, count: number) {
  const buckets: SignalBucket[] = []
  for (let at = from; at < to; at += 5 * second) {
    buckets.push(bucket('error_rate', { service: '/shop/web' }, at, count))
  }
  await publishBuckets(bus, buckets)
  await publishWatermark(bus, to)
}

export function line(ms: number, message: string, identity: Identity = {}): LogDoc {
  return {
    '@timestamp': msToIso(ms),
    'log.level': 'error',
    'event.id': `test:o:${ms}:0`,
    'event.sequence': 0,
    'log.iostream': 'stdout',
    message,
    ...identityToEcs({ service: '/shop/web', task: 'web.1', agent: 'agent-1', ...identity }),
  }
}

export interface Mailbox {
  port: number
  /** Accepted mails, oldest first. */
  mails: ParsedMail[]
  /** All attempts to hand over a mail, also the refused. */
  attempts: { subject: string; recipients: string[] }[]
  close(): Promise<void>
}

export interface MailboxOptions extends SMTPServerOptions {
  /** What to answer at the end of a mail: undefined accepts it. */
  answer?: (subject: string, attempt: number) => number | undefined
  /** What to answer to a recipient. */
  answerRecipient?: (address: string) => number | undefined
}

/** A real SMTP server that keeps what it is given. */
export async function openMailbox(
  t: ExecutionContext,
  { answer, answerRecipient, ...options }: MailboxOptions = {},
  port = 0,
): Promise<Mailbox> {
  const mails: ParsedMail[] = []
  const attempts: Mailbox['attempts'] = []
  const refusal = (responseCode: number) => Object.assign(new Error('no'), { responseCode })
  async function take(stream: Readable, recipients: string[]): Promise<null> {
    const mail = await simpleParser(stream)
    const subject = mail.subject ?? ''
    attempts.push({ subject, recipients })
    const code = answer?.(subject, attempts.length)
    if (code !== undefined) throw refusal(code)
    mails.push(mail)
    return null
  }
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo({ address }, _session, done) {
      const code = answerRecipient?.(address)
      done(code === undefined ? null : refusal(code))
    },
    onData(stream, session, respond) {
      const recipients = session.envelope.rcptTo.map(({ address }) => address)
      void take(stream, recipients).then(respond, respond)
    },
    ...options,
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  t.teardown(close)
  return { port: (server.server.address() as AddressInfo).port, mails, attempts, close }
}

export function mailTo(port: number, to = ['oncall@example.com']) {
  const from = 'Mesoscope <mesoscope@example.com>'
  return { host: '127.0.0.1', port, secure: false, from, to, domain: 'mesoscope.test' }
}

export interface Desk {
  alerting: Alerting
  changes: ChangeDoc[]
  /** Closes it and opens it again on the same bus, like a restart. */
  close(): Promise<void>
}

export async function openDesk(
  t: ExecutionContext,
  bus: Bus,
  options: Partial<AlertingOptions> = {},
): Promise<Desk> {
  const changes: ChangeDoc[] = []
  const alerting = await openAlerting({
    bus,
    signals: errorRate,
    rules: [ruleOf()],
    hosts: [],
    stages: readStages(undefined).config,
    intervalMs: 5 * second,
    pollMs: 5,
    samples: async () => [line(t0 + 1000, 'boom')],
    publish: async (docs) => {
      changes.push(...docs)
    },
    publicUrl: () => 'http://logs.test:8900',
    clock: wallClock,
    metrics: openMetrics(),
    log: silentLog,
    retry: { firstMs: 20, maxMs: 100, refusedMs: 300 },
    patienceMs: 50,
    stalledAfterMs: 3_600_000,
    ...options,
  })
  let open = true
  const close = async () => {
    if (open) await alerting.close()
    open = false
  }
  t.teardown(close)
  return { alerting, changes, close }
}

/** The bus in a directory of its own, closed after everything that was opened on it later. */
export async function openWorld(t: ExecutionContext): Promise<Bus> {
  const bus = await busIn(await tempDir(t))
  t.teardown(() => bus.close())
  return bus
}

export { manualClock }
