import { errorCode, Trouble } from './errors.ts'
import type { HttpAnswer } from './http.ts'

/** Of whom, and of what, a sentence speaks. */
export interface Asked {
  /** `Marathon`, `the Mesos master`. */
  name: string
  /** Address that was asked. */
  base: string
  method: string
  /** With its query. */
  path: string
  /** True if the login was kept back, since a redirect led to a host that is not in `urls`. */
  withoutLogin?: boolean
}

const maxQuoted = 200

const remedies: Record<string, string> = {
  ECONNREFUSED: 'is it running, and is this its address?',
  ENOTFOUND: 'no such host: check the name, or the DNS server',
  EAI_AGAIN: 'the DNS server does not answer',
  EHOSTUNREACH: 'check the network and the firewall',
  ENETUNREACH: 'check the network and the firewall',
  ETIMEDOUT: 'check the network and the firewall',
  ECONNRESET: 'look into its log; does it want https?',
  EPROTO: 'does it want http instead of https?',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there: use http instead of https',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS there: use http instead of https',
  HPE_INVALID_CONSTANT: 'it does not speak HTTP there: does it want https?',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'name its certificate under ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'name the certificate of its authority under ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'name the certificate of its authority under ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'name the certificate of its authority under ca',
  CERT_HAS_EXPIRED: 'its certificate has to be renewed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name: use that name as address',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it wants a client certificate: set cert and key',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'does it want a client certificate (cert and key)?',
  timeout: 'it hangs, or is very busy: look into its log',
  302: 'name the address of the leader',
  401: 'check user and password, or the token',
  403: 'this user may not ask for that: give it the right to',
  404: 'is this the right address, and its version one that has this?',
  429: 'it is asked too often',
  502: 'it has no leader at the moment, or the proxy before it cannot reach it',
  503: 'it has no leader at the moment, or is busy',
  504: 'it is busy, or the proxy before it cannot reach it',
}

const triedAgain = 'it is tried again'

/** Why nobody answered: an error code of Node, or `timeout`. */
export function whyAway(cause: unknown): string {
  const inner = (cause as { cause?: unknown } | null)?.cause
  return (
    errorCode(cause) ??
    errorCode(inner) ??
    (cause instanceof Error ? quoted(cause.message) : 'it broke off')
  )
}

/** `failures`: each address that was tried, and why it gave no answer. */
export function awayTrouble(
  { name, method, path }: Pick<Asked, 'name' | 'method' | 'path'>,
  failures: readonly { base: string; why: string; cause: unknown }[],
): Trouble {
  const [first] = failures
  const kind = first?.why.startsWith('timeout') ? 'timeout' : (first?.why ?? '')
  const where = failures.map(({ base, why }) => `${base} (${why.replace('timeout: ', '')})`)
  const remedy = remedies[kind] ?? 'is it running, and is this its address?'
  return new Trouble(`${name} does not answer ${method} ${pathOf(path)} at ${where.join(', ')}`, {
    remedy: `${remedy}; ${triedAgain}`,
    retryable: true,
    cause: first?.cause,
  })
}

/** An answer that is no good, with the end of the sentence. */
export function answerTrouble(
  asked: Asked,
  said: string,
  remedy = 'is this the right address?',
  cause?: unknown,
): Trouble {
  return new Trouble(`${subject(asked)} ${said}`, {
    remedy: `${remedy}; ${triedAgain}`,
    retryable: true,
    cause,
  })
}

/** Of an answer whose status is not 2xx. */
export function refusalTrouble(asked: Asked, { status, text }: HttpAnswer): Trouble {
  const kept =
    'it leads to a host that is not in urls, so the login was not sent: add its address to urls'
  const refusesLogin = asked.withoutLogin === true && (status === 401 || status === 403)
  const remedy = refusesLogin ? kept : remedies[status]
  return answerTrouble(asked, `answered ${status}${what(text)}`, remedy ?? 'look into its log')
}

/** Of an answer with a good status whose body is no JSON. */
export function notJsonTrouble(asked: Asked, { status, text }: HttpAnswer, cause: unknown) {
  const start = /^\s*[[{]/.test(text)
  const said = start ? ` with JSON that breaks off or is damaged (${text.length} characters)` : ''
  return answerTrouble(
    asked,
    `answered ${status}${said || what(text)}`,
    'is this the right address, with no proxy or login page before it?',
    cause,
  )
}

function subject({ name, base, method, path }: Asked): string {
  return `${name} at ${base}: ${method} ${pathOf(path)}`
}

const pathOf = (path: string) => path.split('?', 1)[0] as string

function what(text: string): string {
  if (text.trim() === '') return ' with an empty body'
  const isHtml = /^\s*</.test(text)
  const said = isHtml ? plainText(text) : messageOf(text)
  return `${isHtml ? ' with HTML, not JSON' : ''}${said === '' ? '' : `: ${said}`}`
}

function messageOf(text: string): string {
  // What is longer is no message; parsing it would only take time.
  if (text.length < 100_000) {
    try {
      const message = (JSON.parse(text) as { message?: unknown } | null)?.message
      if (typeof message === 'string') return quoted(message)
    } catch {
      // Not JSON: told as it is.
    }
  }
  return quoted(text)
}

const plainText = (html: string) =>
  quoted(
    html
      .slice(0, 10_000)
      .replace(/<(style|script)\b[^]*?<\/\1>/gi, ' ')
      .replace(/<[^>]*>/g, ' '),
  )

/** Somebody else's text as part of a sentence: one line, bounded, without control characters. */
function quoted(text: string): string {
  return (
    text
      .slice(0, 4 * maxQuoted)
      // eslint-disable-next-line no-control-regex -- taking them out is the point
      .replace(/[\u0000-\u001f\u007f-\u009f\s]+/g, ' ')
      .trim()
      .slice(0, maxQuoted)
      .toWellFormed()
  )
}
