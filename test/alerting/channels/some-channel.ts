import type { ExecutionContext } from 'ava'
import type { Channel, Delivery, Message } from '../../../alerting/channels/channel.ts'
import type { GroupNotification } from '../../../alerting/channels/group.ts'
import {
  openHttpChannel,
  type HttpChannelOptions,
  type HttpChannelSettings,
} from '../../../alerting/channels/http-channel.ts'
import { wallClock } from '../../../pipeline/clock.ts'
import { json, type HttpServer } from '../../helpers/http-server.ts'
import { someGroup } from './some-group.ts'

export const group = someGroup([{ labels: { host: 'a' }, annotations: { s: '<b>' } }])
export const message: Message = {
  incident: 'i',
  state: 'firing',
  subject: 's',
  text: 't',
  html: 'h',
  group,
}

export type Type = HttpChannelSettings['type']

export function settingsOf(type: Type, url: string): HttpChannelSettings {
  if (type === 'pagerduty') return { type, url: `${url}/v2/enqueue`, routingKey: 'R0UTINGKEY' }
  if (type === 'opsgenie') return { type, apiUrl: url, apiKey: 'gen1e-key' }
  if (type === 'slack') return { type, url: `${url}/services/T0001/B0001/s3cr3tpath` }
  return { type, url: `${url}/hook` }
}

/** Closed after the test. */
export function open(
  t: ExecutionContext,
  settings: HttpChannelSettings,
  url: string,
  options: Partial<HttpChannelOptions> = {},
): Channel {
  const { host } = new URL(url)
  const channel = openHttpChannel(settings, { clock: wallClock, hosts: [host], ...options })
  t.teardown(() => channel.close())
  return channel
}

export async function send(channel: Channel, told: GroupNotification = group): Promise<Delivery> {
  const [delivery] = await channel.send({ ...message, group: told }, channel.targets)
  if (!delivery) throw new Error('no delivery')
  return delivery
}

/** As the receiver answers what it has taken. */
export function takes(type: Type): Parameters<HttpServer['answer']>[0] {
  return (_, response) => {
    if (type === 'slack') response.end('ok')
    else json(response, { status: 'success', message: 'Event processed' }, 202)
  }
}
