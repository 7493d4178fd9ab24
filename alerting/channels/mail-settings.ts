/** The settings of mails: what they may be, and what the mailer makes of them. */
import { createSecureContext } from 'node:tls'
import { Trouble } from '../../pipeline/errors.ts'
import { isLoopback } from '../../pipeline/loopback.ts'
import { bareOf, isMailAddress } from './addresses.ts'
import { headerFault } from './mail-headers.ts'

export interface MailSettings {
  host: string
  port: number
  /** TLS from the first byte (port 465); otherwise STARTTLS where the server has it. */
  secure: boolean
  /** STARTTLS always, or never; where the server has it unless set. A password makes it always, but for this machine. */
  starttls?: 'always' | 'never'
  user?: string
  password?: string
  /** How the password is told; unless set, as the server likes it. */
  authMethod?: 'CRAM-MD5'
  from: string
  to: string[]
  /** The right side of Message-IDs. */
  domain: string
  /** By what name this side says hello; that of the machine unless set. */
  hello?: string
  /** PEM texts. */
  ca?: string
  cert?: string
  key?: string
  /** Whose certificate the server must have, where not that of its address. */
  servername?: string
  /** Beside ours, or (`Subject`, `From`, `To`) instead of them. */
  headers?: Readonly<Record<string, string>>
  /** Always the same, instead of what the message says; an empty `html` leaves that part out. */
  html?: string
  text?: string
  /** Which mails of a group stand together: all (unless set), those of a day (UTC), or none. */
  threading?: 'all' | 'daily' | 'none'
}

/** Throws Trouble where the settings cannot be used. */
export function checkMailSettings(settings: MailSettings): void {
  const { host, port, from, to, domain, hello, headers = {} } = settings
  const remedy = 'correct it in the settings, under mail'
  const refuse = (message: string) => new Trouble(message, { remedy })
  if (host === '') throw refuse('mail has no host')
  if (!(port > 0 && port < 65_536)) throw refuse(`mail port ${port} is none`)
  if (!isName(domain)) throw refuse(`mail domain "${domain}" is no domain name`)
  if (hello !== undefined && !isHello(hello)) throw refuse(`"${hello}" is no name to say hello by`)
  if (to.length === 0) throw refuse('mail has nobody to write to')
  for (const one of [bareOf(from), ...to]) {
    if (!isMailAddress(one)) throw refuse(`"${one}" is no mail address`)
  }
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(from)) throw refuse('the sender of mails holds a line break')
  for (const [name, value] of Object.entries(headers)) {
    const fault = headerFault(name, value)
    if (fault !== undefined) throw refuse(`headers.${name}: ${fault}`)
  }
  if (!isTls(settings)) {
    throw refuse('ca, cert, key: they are no PEM texts, or the key belongs to another certificate')
  }
}

const isName = (text: string) => /^[A-Za-z0-9.-]+$/.test(text)

/** A name, or an address in brackets. */
export const isHello = (text: string) => isName(text) || /^\[[\w.:]+\]$/.test(text)

function isTls({ ca, cert, key }: MailSettings): boolean {
  try {
    createSecureContext({ ca, cert, key })
    return true
  } catch {
    return false
  }
}

/** To another machine; a challenge (CRAM-MD5) is answered without it. */
export function tellsPassword({
  host,
  password,
  authMethod,
}: Pick<MailSettings, 'host' | 'password' | 'authMethod'>): boolean {
  return password !== undefined && authMethod === undefined && !isLoopback(host)
}

export function transportOptions(settings: MailSettings, stepTimeoutMs: number) {
  const { host, port, secure, starttls, user, password, authMethod, hello } = settings
  const { ca, cert, key, servername } = settings
  return {
    host,
    port,
    secure,
    // A password goes over the wire in the clear to nobody but this machine.
    requireTLS: !secure && (starttls === 'always' || tellsPassword(settings)),
    ignoreTLS: starttls === 'never',
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    ...(authMethod === undefined ? {} : { authMethod }),
    ...(hello === undefined ? {} : { name: hello }),
    tls: { ca, cert, key, ...(servername === undefined ? {} : { servername }) },
    dnsTimeout: stepTimeoutMs,
    connectionTimeout: stepTimeoutMs,
    greetingTimeout: stepTimeoutMs,
    socketTimeout: stepTimeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}
