/** From a receiver of Alertmanager's configuration to the channel that tells it. */
import { isDeepStrictEqual } from 'node:util'
import { explain, Trouble } from '../../pipeline/errors.ts'
import type { Integration } from '../stages/receivers.ts'
import { failedDeliveries, type Channel } from './channel.ts'
import { openHttpChannel, type HttpChannelOptions } from './http-channel.ts'
import { openMailChannel, type MailOptions } from './mail.ts'
import { revealed, type Revealed } from './revealed.ts'

export interface IntegrationOptions extends Pick<
  HttpChannelOptions,
  'clock' | 'hosts' | 'rate' | 'patienceMs'
> {
  /** Of the channel, among all: `ops/slack[0]`. */
  name: string
  /** Longest wait for each step of SMTP, ms. */
  stepTimeoutMs?: MailOptions['stepTimeoutMs']
}

/**
 * Opens the way that `integration` tells of. Its secrets are read now and looked at again before each message: what was
 * changed in a file counts from the next one on. Throws a Trouble with a line for each fault, as
 * `webhook_configs[0].url: …`, where the settings cannot be used: those are the faults that the configuration alone does
 * not show (what a file holds, which hosts are allowed).
 */
export function openIntegration(integration: Integration, options: IntegrationOptions): Channel {
  let known = revealed(integration)
  let channel = openWith(known, integration, options)

  function renew() {
    const current = revealed(integration)
    if (isDeepStrictEqual(current, known)) return
    const next = openWith(current, integration, options)
    channel.close()
    ;[known, channel] = [current, next]
  }

  return {
    name: options.name,
    get address() {
      return channel.address
    },
    get targets() {
      return channel.targets
    },
    async send(message, targets) {
      try {
        renew()
      } catch (error) {
        // Whoever changes a file may be half through it: so it is tried again.
        return failedDeliveries(targets, explain(error).replaceAll('\n', '; '))
      }
      return channel.send(message, targets)
    },
    close: () => channel.close(),
  }
}

function openWith(known: Revealed, integration: Integration, options: IntegrationOptions): Channel {
  try {
    return known.kind === 'mail'
      ? openMailChannel(known.settings, options)
      : openHttpChannel(known.settings, { ...options, ...known.http })
  } catch (error) {
    if (!(error instanceof Trouble)) throw error
    throw new Trouble(faultsAt(integration, error.message))
  }
}

/** The options of Alertmanager that the channels call otherwise. */
const calledHere: Readonly<Record<string, string>> = {
  'slack url': 'api_url',
  'slack token': 'app_token',
  'pagerduty routingKey': 'routing_key',
  'opsgenie apiUrl': 'api_url',
  'opsgenie apiKey': 'api_key',
}

/** `slack url: …` as `slack_configs[0].api_url: …` */
function faultsAt({ type, index }: Integration, faults: string): string {
  const place = `${type}_configs[${index}]`
  const lines = faults.split('\n').map((line) => {
    const [, path, sentence] = /^(\w+ [\w, ]+): (.*)$/s.exec(line) ?? []
    if (type === 'email' || path === undefined) return `${place}: ${line}`
    const own = path.slice(type.length + 1)
    const isHttp = own === 'authorization' || own.startsWith('ca,')
    const option = calledHere[path] ?? (isHttp ? 'http_config' : own)
    return `${place}.${option}: ${isHttp ? `${own}: ` : ''}${sentence}`
  })
  return lines.join('\n')
}
