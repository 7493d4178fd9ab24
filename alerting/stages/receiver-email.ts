/** `email_configs`, filled in from `global`. */
import { addressesOf, isMailAddress } from '../channels/addresses.ts'
import { isHello, tellsPassword } from '../channels/mail-settings.ts'
import type { ParsedGlobal } from './global-schema.ts'
import { eitherSecret } from './option-kinds.ts'
import type { ParsedEmail } from './receiver-schema.ts'

/** Tells what is missing or cannot be, with the option that would have it. */
export type TellFault = (option: string, sentence: string) => undefined

export function email(options: ParsedEmail, global: ParsedGlobal, fault: TellFault) {
  const { auth_password, auth_password_file, auth_secret, auth_secret_file, ...rest } = options
  const { smarthost = global.smtp_smarthost, tls_config = global.smtp_tls_config, ...own } = rest
  const address = hostPort(smarthost)
  const from = own.from ?? global.smtp_from
  if (smarthost === undefined)
    return fault('smarthost', 'neither here nor in global.smtp_smarthost')
  if (!address) return fault('smarthost', `no address as mail.example.org:587: ${smarthost}`)
  if (from === undefined) return fault('from', 'neither here nor in global.smtp_from')
  const filled = {
    ...own,
    ...address,
    from,
    to: addressesOf(own.to),
    hello: own.hello ?? global.smtp_hello ?? 'localhost',
    auth_username: own.auth_username ?? global.smtp_auth_username,
    auth_identity: own.auth_identity ?? global.smtp_auth_identity,
    auth_password:
      eitherSecret(auth_password, auth_password_file) ??
      eitherSecret(global.smtp_auth_password, global.smtp_auth_password_file),
    auth_secret:
      eitherSecret(auth_secret, auth_secret_file) ??
      eitherSecret(global.smtp_auth_secret, global.smtp_auth_secret_file),
    require_tls: own.require_tls ?? global.smtp_require_tls,
    // As Alertmanager does where nobody says so.
    implicit_tls:
      own.force_implicit_tls ?? global.smtp_force_implicit_tls ?? address.port === implicitTlsPort,
    tls: tls_config ?? {},
  }
  const faults = [...addressFaults(filled), ...loginFaults(filled)]
  for (const [option, sentence] of faults) fault(option, sentence)
  return faults.length > 0 ? undefined : filled
}

const implicitTlsPort = 465

type Fault = [option: string, sentence: string]

function addressFaults({ from, to, hello }: { from: string; to: string[]; hello: string }) {
  const none = (text: string) => `"${text}" is no mail address`
  const faults: Fault[] = []
  const senders = addressesOf(from)
  if (senders.length !== 1) faults.push(['from', 'it must be one address'])
  const sender = senders.find((one) => !isMailAddress(one))
  if (sender !== undefined) faults.push(['from', none(sender)])
  if (to.length === 0) faults.push(['to', 'it holds no address'])
  const recipient = to.find((one) => !isMailAddress(one))
  if (recipient !== undefined) faults.push(['to', none(recipient)])
  if (!isHello(hello)) faults.push(['hello', `"${hello}" is no name to say hello by`])
  return faults
}

interface Login {
  host: string
  auth_username: string | undefined
  auth_identity: string | undefined
  auth_password: unknown
  auth_secret: unknown
  require_tls: boolean
  implicit_tls: boolean
}

/** Without a user nobody logs in, whatever else is there. */
function loginFaults(login: Login): Fault[] {
  const { host, auth_username: user, auth_identity: identity, auth_password, auth_secret } = login
  if (!user) return []
  const faults: Fault[] = []
  if (identity && identity !== user) {
    faults.push(['auth_identity', 'another identity than auth_username is not supported here'])
  }
  if (!auth_password && !auth_secret) {
    faults.push(['auth_username', 'there is neither an auth_password nor an auth_secret to it'])
  }
  if (auth_password && auth_secret) {
    faults.push(['auth_secret', 'auth_password and auth_secret exclude each other here'])
  }
  const inClear = !login.require_tls && !login.implicit_tls
  if (inClear && tellsPassword({ host, password: auth_password ? '' : undefined })) {
    faults.push(['require_tls', `${host} would get a password in the clear`])
  }
  return faults
}

/** `host:port`, an IPv6 address in brackets. */
function hostPort(text = ''): { host: string; port: number } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) > 65_535 || Number(port) === 0) return undefined
  return { host, port: Number(port) }
}
