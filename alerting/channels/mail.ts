import { createTransport, type SentMessageInfo } from 'nodemailer'
import type { Clock } from '../../pipeline/clock.ts'
import { cleanLine } from '../clean.ts'
import type { Channel, Delivery, Message } from './channel.ts'
import { sortedHeaders } from './mail-headers.ts'
import { checkMailSettings, transportOptions, type MailSettings } from './mail-settings.ts'

export type { MailSettings } from './mail-settings.ts'

export interface MailOptions {
  clock: Clock
  /** Of the channel, among all; `mail` unless set. */
  name?: string
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
  checkMailSettings(settings)
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
    name: options.name ?? 'mail',
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

/** The id by which readers know a mail they have already: the same however often it is sent. */
export function messageId(incident: string, state: Message['state'], domain: string): string {
  return `<${incident}.${state}@${domain}>`
}

function composeMail(
  message: Message,
  settings: MailSettings,
  targets: readonly string[],
  nowMs: number,
) {
  const { from, to, text = message.text, html = message.html, headers = {} } = settings
  const { incident, subject } = message
  const ours = { 'Auto-Submitted': 'auto-generated', 'X-Mesoscope-Incident': incident }
  const own = sortedHeaders(ours, headers)
  return {
    from: own.from ?? from,
    to: own.to ?? to,
    envelope: { from, to: [...targets] },
    ...idsOf(message, settings, nowMs),
    date: new Date(nowMs),
    subject: own.subject ?? cleanLine(subject, 200),
    text: text || message.text,
    ...(html === '' ? {} : { html }),
    headers: own.others,
  }
}

/** A thread begins with a mail that was never sent: so it holds together whichever of its mails comes first. */
function idsOf(message: Message, { domain, threading = 'all' }: MailSettings, nowMs: number) {
  const { incident, state, id, thread } = message
  const first = messageId(incident, 'firing', domain)
  const own = id === undefined ? messageId(incident, state, domain) : `<${id}@${domain}>`
  if (threading === 'none') return { messageId: own }
  if (thread !== undefined) {
    const day = threading === 'daily' ? `-${new Date(nowMs).toISOString().slice(0, 10)}` : ''
    const root = `<${thread}${day}@${domain}>`
    return { messageId: own, inReplyTo: root, references: root }
  }
  if (state === 'firing') return { messageId: own }
  return { messageId: own, inReplyTo: first, references: first }
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
