import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'
import type { Clock } from '../pipeline/clock.ts'
import { errorCode, explain, Trouble } from '../pipeline/errors.ts'
import { readMail } from './mail-source.ts'

const host = '127.0.0.1'
const keptMails = 200
const maxMailBytes = 10 * 1024 * 1024

export interface CaughtMail {
  /** ms since the epoch. */
  receivedAt: number
  /** Sender and recipients of the SMTP envelope. */
  from: string
  to: string[]
  subject: string
  /** With its angle brackets. */
  messageId: string
  /** By lower-case name, decoded. */
  headers: Record<string, string>
  text: string
  html: string
}

/** A mail server that keeps what it gets, and that can be told to be ill. */
export interface MailCatcher {
  host: string
  port: number
  /** The last 200, oldest first. */
  mails(): CaughtMail[]
  /** Every recipient is refused with this SMTP code (450: for now, 550: for good) until {@link accept}. */
  refuse(code: number): void
  accept(): void
  /** Ends all connections and listens no more. */
  down(): Promise<void>
  /** Listens again, on the same port. */
  up(): Promise<void>
  /** The first mail, caught already or to come, for which `predicate` holds; a {@link Trouble} after `withinMs`. */
  waitFor(predicate: (mail: CaughtMail) => boolean, withinMs: number): Promise<CaughtMail>
  close(): Promise<void>
}

export interface MailCatcherOptions {
  clock: Clock
  /** 0, the default, takes any free one. */
  port?: number
}

/** Throws a {@link Trouble} if it cannot listen on the port. */
export async function openMailCatcher({
  clock,
  port = 0,
}: MailCatcherOptions): Promise<MailCatcher> {
  const mails: CaughtMail[] = []
  const waiting = new Set<() => void>()
  let refusal: number | undefined

  async function take(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<void> {
    const source = await buffer(stream)
    if (stream.sizeExceeded) throw smtpError(552, `a mail may have ${maxMailBytes} bytes at most`)
    mails.push(caught(source, session, clock.now()))
    if (mails.length > keptMails) mails.shift()
    for (const look of waiting) look()
  }

  const listener = {
    take,
    refusal: () => (refusal === undefined ? null : smtpError(refusal, 'refused, as was asked for')),
  }
  let server: SMTPServer | undefined
  server = await listen(listener, port)
  const listening = (server.server.address() as AddressInfo).port

  async function down(): Promise<void> {
    const closing = server
    server = undefined
    if (closing) await end(closing)
  }

  function waitFor(
    predicate: (mail: CaughtMail) => boolean,
    withinMs: number,
  ): Promise<CaughtMail> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const mail = mails.find(predicate)
        if (!mail) return
        waiting.delete(look)
        clearTimeout(timer)
        resolve(mail)
      }
      const timer = setTimeout(() => {
        waiting.delete(look)
        const subjects = mails.map(({ subject }) => subject).join(', ')
        reject(new Trouble(`no such mail within ${withinMs} ms; caught: ${subjects || 'none'}`))
      }, withinMs)
      waiting.add(look)
      look()
    })
  }

  return {
    host,
    port: listening,
    mails: () => [...mails],
    refuse: (code) => {
      refusal = code
    },
    accept: () => {
      refusal = undefined
    },
    down,
    up: async () => {
      server ??= await listen(listener, listening)
    },
    waitFor,
    close: down,
  }
}

interface Listener {
  take(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<void>
  refusal(): Error | null
}

function listen({ take, refusal }: Listener, port: number): Promise<SMTPServer> {
  const server = new SMTPServer({
    name: 'mail-catcher',
    banner: 'Mesoscope keeps what you send',
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: maxMailBytes,
    closeTimeout: 200,
    onRcptTo: (_address, _session, answer) => answer(refusal()),
    onData: (stream, session, answer) => {
      take(stream, session).then(
        () => answer(),
        (error: unknown) => answer(error as Error),
      )
    },
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(port, error)))
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      // A client that hangs up in the middle is its own trouble.
      server.on('error', () => {})
      resolve(server)
    })
  })
}

function cannotListen(port: number, error: Error): Trouble {
  const taken = errorCode(error) === 'EADDRINUSE'
  return new Trouble(`the mail catcher cannot listen on ${host}:${port}: ${explain(error)}`, {
    remedy: taken
      ? 'end the program that has the port, or choose another one'
      : 'choose another port',
    cause: error,
  })
}

function end(server: SMTPServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

function smtpError(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode })
}

function caught(source: Buffer, { envelope }: SMTPServerSession, receivedAt: number): CaughtMail {
  const { headers, text = '', html = '' } = readMail(source)
  return {
    receivedAt,
    from: envelope.mailFrom ? envelope.mailFrom.address : '',
    to: envelope.rcptTo.map(({ address }) => address),
    subject: headers['subject'] ?? '',
    messageId: headers['message-id'] ?? '',
    headers,
    text,
    html,
  }
}
