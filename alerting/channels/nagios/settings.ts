import { explain, Trouble } from '../../../pipeline/errors.ts'
import { methods, type EncryptionMethod } from './cipher.ts'
import type { OutputBytes } from './packet.ts'
import { cleanName, namingOf, states, type Naming, type Severities } from './state.ts'

/** A daemon `nsca`, or the command file of a Nagios or Icinga on this machine. */
export type NagiosTarget =
  | {
      kind: 'nsca'
      host: string
      /** 5667 unless set. */
      port?: number
      /** `decryption_method` in `nsca.cfg`; 1 unless set, as there. */
      encryption?: EncryptionMethod
      password?: string
      /** 512 for daemons before 2.9; 4096 unless set. */
      outputBytes?: OutputBytes
      /**
       * Also sends the message's text, as further lines of output. Only for nsca 2.10.1 and later: those before write
       * the line breaks as they are into the command file, where Nagios complains of each line.
       */
      multiline?: boolean
    }
  | { kind: 'command-file'; path: string }

/** The settings of the Nagios channel. */
export interface NagiosSettings extends Partial<Severities> {
  /** Each is told. */
  to: NagiosTarget[]
  /** `host_name` in Nagios; Liquid over the alert's labels, `mesoscope` unless set. */
  host?: string
  /** `service_description`; Liquid as well, `{{ alertname }} {{ service }}` unless set. */
  service?: string
  /** `host`: results are of the host itself, and `service` is not used; `service` unless set. */
  check?: 'service' | 'host'
}

export type Nsca = Required<Extract<NagiosTarget, { kind: 'nsca' }>>
export type CommandFile = Extract<NagiosTarget, { kind: 'command-file' }>

/** The settings with all they leave unsaid. */
export interface CompleteSettings extends Severities {
  to: (Nsca | CommandFile)[]
  naming: Naming
}

const defaultSeverities = {
  page: 'critical',
  critical: 'critical',
  warning: 'warning',
  ticket: 'warning',
  info: 'ok',
} as const

const remedy = 'correct it in the settings, under nagios'

/** Throws Trouble where the settings cannot be used. */
export function completeSettings(settings: NagiosSettings): CompleteSettings {
  const { to, host = 'mesoscope', service = '{{ alertname }} {{ service }}', check } = settings
  if (to.length === 0) throw new Trouble('nagios has nobody to tell: `to` is empty', { remedy })
  const { severities = defaultSeverities, otherSeverity = 'critical' } = settings
  checkStates({ severities, otherSeverity })
  return {
    to: to.map((target, i) => completeTarget(target, `nagios.to[${i}]`)),
    naming: checkedNaming(host, check === 'host' ? undefined : service),
    severities,
    otherSeverity,
  }
}

function checkStates({ severities, otherSeverity }: Severities) {
  const named = [...Object.entries(severities), ['otherSeverity', otherSeverity]] as const
  for (const [name, state] of named) {
    if (!Object.hasOwn(states, state)) {
      const list = Object.keys(states).join(', ')
      throw new Trouble(`nagios: "${state}" (of ${name}) is none of ${list}`, { remedy })
    }
  }
}

function checkedNaming(host: string, service: string | undefined): Naming {
  for (const text of service === undefined ? [host] : [host, service]) {
    const literal = text.replace(/\{\{.*?\}\}|\{%.*?%\}/gs, ' ').trim()
    if (cleanName(literal) !== literal.replaceAll(/ +/g, ' ')) {
      throw new Trouble(`nagios: "${text}" has characters that Nagios forbids in names`, { remedy })
    }
  }
  try {
    return namingOf(host, service)
  } catch (error) {
    throw new Trouble(`nagios: host or service is no template: ${explain(error)}`, { remedy })
  }
}

function completeTarget(target: NagiosTarget, path: string): Nsca | CommandFile {
  if (target.kind === 'nsca') return completeNsca(target, path)
  if (target.path.startsWith('/') && !target.path.includes('\0')) return target
  throw new Trouble(`${path}.path "${target.path}" is no absolute path`, { remedy })
}

function completeNsca(target: Extract<NagiosTarget, { kind: 'nsca' }>, path: string): Nsca {
  const nsca = {
    port: 5667,
    encryption: 1 as const,
    password: '',
    outputBytes: 4096 as const,
    multiline: false,
    ...target,
  }
  if (nsca.host === '') throw new Trouble(`${path} has no host`, { remedy })
  if (!(nsca.port > 0 && nsca.port < 65_536)) {
    throw new Trouble(`${path}.port ${nsca.port} is none`, { remedy })
  }
  if (!Object.hasOwn(methods, nsca.encryption)) throw noSuchMethod(nsca.encryption, path)
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f]/.test(nsca.password)) {
    throw new Trouble(`${path}.password holds control characters`, { remedy })
  }
  if (![512, 4096].includes(nsca.outputBytes)) {
    throw new Trouble(`${path}.outputBytes ${nsca.outputBytes} is neither 4096 nor 512`, { remedy })
  }
  return nsca
}

function noSuchMethod(method: number, path: string): Trouble {
  const list = Object.entries(methods).map(([number, name]) => `${number} (${name})`)
  return new Trouble(`${path}.encryption ${method} is not offered`, {
    remedy: `set decryption_method of the daemon to one of ${list.join(', ')}`,
  })
}
