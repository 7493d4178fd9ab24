/** The channels over HTTP, each opened of its settings. */
import { createSecureContext } from 'node:tls'
import type { Clock } from '../../pipeline/clock.ts'
import { explain, Trouble } from '../../pipeline/errors.ts'
import { isLoopback } from '../../pipeline/loopback.ts'
import { alertmanagerRequests, type AlertmanagerSettings } from './alertmanager.ts'
import { detailOf, passesNever, passesWhenBusy, slackRules, type AnswerRules } from './answer.ts'
import type { Channel, Delivery } from './channel.ts'
import type { GroupNotification } from './group.ts'
import { opsgenieRequests, opsgenieUrl, type OpsgenieSettings } from './opsgenie.ts'
import { pagerDutyRequests, pagerDutyUrl, type PagerDutySettings } from './pagerduty.ts'
import { openPost } from './post.ts'
import type { Rate } from './rate.ts'
import type { ChannelRequest } from './request.ts'
import { secretsOfHeader, secretsOfUrl } from './secrets.ts'
import { slackRequests, type SlackSettings } from './slack.ts'
import { webhookRequests, type WebhookSettings } from './webhook.ts'

export type HttpChannelSettings =
  | ({ type: 'webhook' } & WebhookSettings)
  | ({ type: 'slack' } & SlackSettings)
  | ({ type: 'pagerduty' } & PagerDutySettings)
  | ({ type: 'opsgenie' } & OpsgenieSettings)
  | ({ type: 'alertmanager' } & AlertmanagerSettings)

export interface HttpChannelOptions {
  clock: Clock
  /** Where channels may lead: `hooks.slack.com`, `alerts.internal:8443`; without a port the usual one is meant. */
  hosts: readonly string[]
  /** Of the channel, among all; its type unless set. */
  name?: string
  /** For a whole answer, ms; 10 s unless set. */
  timeoutMs?: number
  /** Unless set, what the receiver documents or, where it documents nothing, ten a second. */
  rate?: Rate
  /** How long a request may wait for its turn, ms; 30 s unless set. */
  patienceMs?: number
  /** The value of that header, for requests that have none by themselves. */
  authorization?: string | undefined
  /** PEM texts. */
  ca?: string | undefined
  cert?: string | undefined
  key?: string | undefined
  /** Whose certificate the other side must have, where not that of its address. */
  servername?: string | undefined
}

/** What differs between the types. */
interface Plan {
  url: string
  /** Of the address, where it is not `url`. */
  urlPath?: string
  /** By the path of its setting: what nobody may read. */
  keys: Readonly<Record<string, string | undefined>>
  /** The parts of the address are kept out of details too. */
  secretUrl: boolean
  rules: AnswerRules
  rate: Rate
  requests(group: GroupNotification, now: number): ChannelRequest[]
}

const usualRate: Rate = { perMinute: 600, burst: 60 }
/** One a second, with short bursts. */
const slackRate: Rate = { perMinute: 60, burst: 5 }
/** For one integration key. */
const pagerDutyRate: Rate = { perMinute: 120, burst: 20 }
/** Of the smallest plan. */
const opsgenieRate: Rate = { perMinute: 60, burst: 10 }

function planOf(settings: HttpChannelSettings): Plan {
  const { type } = settings
  if (type === 'webhook') {
    return {
      url: settings.url,
      keys: { authorization: settings.authorization },
      secretUrl: true,
      rules: passesNever,
      rate: usualRate,
      requests: (group) => webhookRequests(group, settings),
    }
  }
  if (type === 'slack') {
    return {
      url: settings.url,
      // Whoever knows a webhook's address can write: it is a key too.
      keys: { url: settings.url, token: settings.token },
      secretUrl: true,
      rules: slackRules,
      rate: slackRate,
      requests: (group) => slackRequests(group, settings),
    }
  }
  if (type === 'pagerduty') {
    return {
      url: settings.url ?? pagerDutyUrl,
      keys: { routingKey: settings.routingKey },
      secretUrl: false,
      rules: passesWhenBusy,
      rate: pagerDutyRate,
      requests: (group) => pagerDutyRequests(group, settings),
    }
  }
  if (type === 'opsgenie') {
    return {
      url: settings.apiUrl ?? opsgenieUrl,
      urlPath: 'apiUrl',
      keys: { apiKey: settings.apiKey },
      secretUrl: false,
      rules: passesWhenBusy,
      rate: opsgenieRate,
      requests: (group) => opsgenieRequests(group, settings),
    }
  }
  return {
    url: settings.url,
    keys: { authorization: settings.authorization },
    secretUrl: false,
    rules: passesNever,
    rate: usualRate,
    requests: (group, now) => alertmanagerRequests(group, settings, now),
  }
}

/**
 * Throws a Trouble with a line for each fault of the settings: an address that is none, leads to a host which is not
 * among `hosts`, or would carry a key in the clear; a key that is none. What it sends is the `group` of the message; sent
 * again it is known as the same by all but a webhook and Slack.
 */
export function openHttpChannel(
  settings: HttpChannelSettings,
  options: HttpChannelOptions,
): Channel {
  const plan = withLogin(planOf(settings), options.authorization)
  const faults = [...urlFaults(plan, options.hosts), ...keyFaults(plan), ...tlsFaults(options)]
  if (faults.length > 0) {
    throw new Trouble(faults.map((fault) => `${settings.type} ${fault}`).join('\n'))
  }
  const { clock, name = settings.type } = options
  const { host } = new URL(plan.url)
  const secrets = secretsOf(plan)
  const post = openPost({
    ...options,
    timeoutMs: options.timeoutMs ?? 10_000,
    patienceMs: options.patienceMs ?? 30_000,
    rate: options.rate ?? plan.rate,
    rules: plan.rules,
    secrets,
  })

  async function tell(group: GroupNotification | undefined): Promise<Omit<Delivery, 'target'>> {
    if (!group) return refusal('the message has no group, and of others it cannot tell')
    try {
      return await post.send(plan.requests(group, clock.now()))
    } catch (error) {
      // A text of the settings that cannot be made of this group.
      return refusal(detailOf(explain(error), secrets))
    }
  }

  return {
    name,
    address: host,
    targets: [host],
    async send({ group }, targets) {
      const told = await tell(group)
      return targets.map((target) => ({ target, ...told }))
    },
    close: post.close,
  }
}

/** A key of its own comes first, as with Alertmanager's HTTP client. */
function withLogin(plan: Plan, authorization: string | undefined): Plan {
  if (authorization === undefined) return plan
  const login = (request: ChannelRequest): ChannelRequest => ({
    ...request,
    headers: { Authorization: authorization, ...request.headers },
  })
  return {
    ...plan,
    keys: { ...plan.keys, authorization: plan.keys['authorization'] ?? authorization },
    requests: (group, now) => plan.requests(group, now).map(login),
  }
}

const refusal = (detail: string) => ({ outcome: 'refused' as const, answered: false, detail })

function secretsOf({ url, keys, secretUrl }: Plan): string[] {
  const inUrl = secretUrl ? secretsOfUrl(new URL(url)) : []
  const all = [...inUrl, ...Object.values(keys).flatMap((key) => secretsOfHeader(key ?? ''))]
  // The longest first: what is part of another goes with it.
  return [...new Set(all)].toSorted((a, b) => b.length - a.length)
}

/** The address itself is not shown: it may be the secret. */
function urlFaults(plan: Plan, hosts: readonly string[]): string[] {
  const { url, urlPath: path = 'url', keys } = plan
  const address = URL.parse(url)
  if (!address || !/^https?:$/.test(address.protocol)) {
    return [`${path}: it does not begin with http:// or https://`]
  }
  const { host, hostname, protocol, username, password } = address
  const faults: string[] = []
  if (username || password) faults.push(`${path}: it holds a login; set authorization instead`)
  if (!hosts.some((allowed) => portOf(allowed, protocol) === portOf(host, protocol))) {
    faults.push(`${path}: ${host} is not among the allowed hosts`)
  }
  const tells = Object.values(keys).some((key) => key !== undefined)
  if (tells && protocol === 'http:' && !isLoopback(hostname)) {
    faults.push(`${path}: ${host} would get a key in the clear; use https://`)
  }
  return faults
}

/** `host:port`, in lower case. */
function portOf(host: string, protocol: string): string {
  const port = /:\d+$/.test(host) ? '' : protocol === 'http:' ? ':80' : ':443'
  return `${host.toLowerCase()}${port}`
}

/** A line break in a header would begin another. */
function keyFaults({ keys }: Plan): string[] {
  return Object.entries(keys).flatMap(([path, key]) =>
    key === undefined || /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(key)
      ? []
      : [`${path}: it is empty, or holds what no key has`],
  )
}

function tlsFaults({ ca, cert, key }: HttpChannelOptions): string[] {
  try {
    createSecureContext({ ca, cert, key })
    return []
  } catch {
    return ['ca, cert, key: they are no PEM texts, or the key belongs to another certificate']
  }
}
