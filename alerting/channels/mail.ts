import { createTransport, type SentMessageInfo } from 'nodemailer'
import type { Clock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { isLoopback } from '../../pipeline/loopback.ts'
import { cleanLine } from '../clean.ts'
import type { Channel, Delivery, Message } from './channel.ts'

/** The settings of the mail channel. */
export interface MailSettings {
  host: string
  port: number
  /** TLS from the first byte (port 465); otherwise STARTTLS where the server has it. */
  secure: boolean
  user?: string
  password?: string
  from: string
  to: string[]
  /** The right side of Message-IDs. */
  domain: string
}

export interface MailOptions {
  clock: Clock
  /** Longest wait for each step of SMTP, ms; 15 s unless set. */
  stepTimeoutMs?: number
}

interface SmtpError {
  code?: string
  responseCode?: number
  response?: string
  message: string
  recipient?: string
  rejectedErrors?: SmtpError[]
}

/** Longest wait for a whole mail: a server may not dribble for ever. */
const stepsPerMail = 6

/** Mail over SMTP, each in a connection of its own. Throws Trouble where the settings cannot be used. */
export function openMailChannel(settings: MailSettings, options: MailOptions): Channel {
  checkSettings(settings)
  const { host, port, to } = settings
  const stepTimeoutMs = options.stepTimeoutMs ?? 15_000
  const transport = createTransport(transportOptions(settings, stepTimeoutMs))

  const closing = new AbortController()

  async function attempt(message: Message, targets: readonly string[]): Promise<Delivery[]> {
    const deadline = AbortSignal.timeout(stepTimeoutMs * stepsPerMail)
    const signal = AbortSignal.any([deadline, closing.signal])
    const mail = composeMail(message, settings, targets, options.clock.now())
    return outcomesOf(await transport.sendMail({ ...mail, signal }), targets)
  }

  return {
    name: 'mail',
    address: `${host}:${port}`,
    targets: [...new Set(to)],
    async send(message, targets) {
      try {
        return await attempt(message, targets)
      } catch (error) {
        return failuresOf(error as SmtpError, targets)
      }
    },
    close() {
      closing.abort()
      transport.close()
    },
  }
}

function checkSettings({ host, port, from, to, domain }: MailSettings) {
  const remedy = 'correct it in the settings, under mail'
  const address = /^[^\s<>",;:@()[\]\\]+@[^\s<>",;:@()[\]\\]+$/
  const bare = /<([^<>]*)>\s*$/.exec(from)?.[1] ?? from
  if (host === '') throw new Trouble('mail has no host', { remedy })
  if (!(port > 0 && port < 65_536)) throw new Trouble(`mail port ${port} is none`, { remedy })
  if (!/^[A-Za-z0-9.-]+$/.test(domain)) {
    throw new Trouble(`mail domain "${domain}" is no domain name`, { remedy })
  }
  if (to.length === 0) throw new Trouble('mail has nobody to write to', { remedy })
  for (const one of [bare, ...to]) {
    if (!address.test(one)) throw new Trouble(`"${one}" is no mail address`, { remedy })
  }
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(from)) {
    throw new Trouble('the sender of mails holds a line break', { remedy })
  }
}

function transportOptions(settings: MailSettings, stepTimeoutMs: number) {
  const { host, port, secure, user, password } = settings
  return {
    host,
    port,
    secure,
    // A password goes over the wire in the clear to nobody but this machine.
    requireTLS: password !== undefined && !secure && !isLoopback(host),
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    dnsTimeout: stepTimeoutMs,
    connectionTimeout: stepTimeoutMs,
    greetingTimeout: stepTimeoutMs,
    socketTimeout: stepTimeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

/** The id by which readers know a mail they have already: the same however often it is sent. */
export function messageId(incident: string, state: Message['state'], domain: string): string {
  return `<${incident}.${state}@${domain}>`
}

function composeMail(
  message: Message,
  { from, to, domain }: MailSettings,
  targets: readonly string[],
  nowMs: number,
) {
  const { incident, state, subject, text, html } = message
  const first = messageId(incident, 'firing', domain)
  return {
    from,
    to,
    envelope: { from, to: [...targets] },
    messageId: messageId(incident, state, domain),
    ...(state === 'resolved' ? { inReplyTo: first, references: first } : {}),
    date: new Date(nowMs),
    subject: cleanLine(subject, 200),
    text,
    html,
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Mesoscope-Incident': incident },
  }
}

function outcomesOf(info: SentMessageInfo, targets: readonly string[]): Delivery[] {
  const refusals = new Map<string, SmtpError>()
  for (const error of (info.rejectedErrors ?? []) as SmtpError[]) {
    if (error.recipient !== undefined) refusals.set(error.recipient.toLowerCase(), error)
  }
  return targets.map((target) => {
    const error = refusals.get(target.toLowerCase())
    if (error) return failureOf(error, target)
    const detail = cleanLine(info.response ?? '', 200)
    return { target, outcome: 'accepted', detail, answered: true }
  })
}

function failuresOf(error: SmtpError, targets: readonly string[]): Delivery[] {
  const own = new Map(error.rejectedErrors?.map((each) => [each.recipient, each]))
  return targets.map((target) => failureOf(own.get(target) ?? error, target))
}

/** 5xx is for good; 4xx, and whatever the network does, passes. */
function failureOf({ responseCode, response, message }: SmtpError, target: string): Delivery {
  const outcome = responseCode !== undefined && responseCode >= 500 ? 'refused' : 'failed'
  const detail = cleanLine(response ?? message, 200)
  return { target, outcome, detail, answered: responseCode !== undefined }
}
