import type { Encodable } from './go-json.ts'
import { textOf, type GroupNotification, type Text } from './group.ts'
import { jsonRequest, urlBelow, type ChannelRequest } from './request.ts'
import {
  alertsUrl,
  description,
  groupHash,
  harmless,
  shortened,
  subject,
  titleOf,
} from './texts.ts'

/** Opsgenie's alert API. Texts that are left out are those of Alertmanager. */
export interface OpsgenieSettings {
  apiKey: string
  /** Opsgenie's own unless set; in Europe `https://api.eu.opsgenie.com`. */
  apiUrl?: string
  message?: Text
  description?: Text
  source?: Text
  /** Beside the common labels, or instead of them. */
  details?: Readonly<Record<string, Text>>
  responders?: readonly Responder[]
  tags?: readonly string[]
  note?: Text
  /** `P1` … `P5`. */
  priority?: Text
  entity?: Text
  actions?: readonly string[]
  /** Tells an open alert the new message and description too. */
  updateAlerts?: boolean
}

export interface Responder {
  id?: string
  name?: string
  username?: string
  type: 'team' | 'user' | 'escalation' | 'schedule'
}

export const opsgenieUrl = 'https://api.opsgenie.com/'

/** In characters, as Opsgenie documents them. */
const limits = {
  message: 130,
  description: 15_000,
  source: 100,
  note: 25_000,
  entity: 512,
  /** Names and values together. */
  details: 8000,
  tag: 50,
  tags: 20,
  actions: 10,
}

/** One that opens the alert or adds to it, and where wanted two that change it; or one that closes it. */
export function opsgenieRequests(
  group: GroupNotification,
  settings: OpsgenieSettings,
): ChannelRequest[] {
  const { apiUrl = opsgenieUrl, apiKey } = settings
  const alias = groupHash(group)
  const request = (path: string, body: Encodable) =>
    jsonRequest(urlBelow(apiUrl, path), body, `GenieKey ${apiKey}`)
  const ofAlias = (what: string) => `v2/alerts/${alias}/${what}?identifierType=alias`
  const source = titleOf(textOf(settings.source, group) ?? alertsUrl(group), limits.source)
  if (group.status === 'resolved') return [request(ofAlias('close'), { source })]
  const message = messageOf(group, settings)
  const description = descriptionOf(group, settings)
  const created = request('v2/alerts', {
    alias,
    message,
    description: description || undefined,
    details: new Map(detailsOf(group, settings)),
    source,
    ...ownFields(group, settings),
  })
  if (!settings.updateAlerts) return [created]
  const change = (what: string, body: Encodable): ChannelRequest => ({
    ...request(ofAlias(what), body),
    method: 'PUT',
  })
  return [
    created,
    change('message', { message: message || undefined }),
    change('description', { description: description || undefined }),
  ]
}

function messageOf(group: GroupNotification, { message }: OpsgenieSettings): string {
  const own = titleOf(textOf(message, group) ?? '', limits.message)
  return own.trim() === '' ? subject(group, limits.message) : own
}

function descriptionOf(group: GroupNotification, settings: OpsgenieSettings): string {
  const own = textOf(settings.description, group)
  if (own === undefined) return description(group, limits.description)
  return shortened(harmless(own), limits.description)
}

function ownFields(group: GroupNotification, settings: OpsgenieSettings) {
  const { responders = [], tags = [], actions = [] } = settings
  const text = (setting: Text | undefined, most: number) =>
    shortened(harmless(textOf(setting, group) ?? ''), most) || undefined
  return {
    responders: listOf(
      responders.map(({ id, name, username, type }) => ({ id, name, username, type })),
    ),
    tags: listOf(shortTexts(tags, limits.tags)),
    note: text(settings.note, limits.note),
    priority: text(settings.priority, limits.tag),
    entity: text(settings.entity, limits.entity),
    actions: listOf(shortTexts(actions, limits.actions)),
  }
}

function shortTexts(texts: readonly string[], most: number): string[] {
  return texts
    .filter((text) => text !== '')
    .slice(0, most)
    .map((text) => shortened(text, limits.tag))
}

const listOf = <T>(list: readonly T[]) => (list.length > 0 ? list : undefined)

/** What comes behind the limit is cut or left out: labels, settings, links, then the evidence. */
function detailsOf(group: GroupNotification, { details = {} }: OpsgenieSettings) {
  const own = Object.entries(details).map(([name, text]): [string, string] => [
    name,
    textOf(text, group) ?? '',
  ])
  const all = new Map([...Object.entries(group.commonLabels), ...own])
  const { text = '', links = [] } = group.extra ?? {}
  for (const { name, url } of links) if (!all.has(name)) all.set(name, url)
  if (text !== '' && !all.has('evidence')) all.set('evidence', text)
  return within(all, limits.details)
}

function within(details: ReadonlyMap<string, string>, most: number): [string, string][] {
  let left = most
  const kept: [string, string][] = []
  for (const [name, value] of details) {
    const room = left - name.length
    if (room < 2) continue
    const text = shortened(harmless(value.slice(0, 2 * room)), room)
    kept.push([name, text])
    left = room - text.length
  }
  return kept
}
