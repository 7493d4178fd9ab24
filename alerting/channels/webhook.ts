import { goJson, mapOf } from './go-json.ts'
import { textLength, truncatedTo, type Extra, type GroupNotification } from './group.ts'
import { alertFields, jsonRequest, type ChannelRequest } from './request.ts'
import { harmless, linkTo, receiverPattern, shortened } from './texts.ts'

export interface WebhookSettings {
  url: string
  /** The value of that header: `Bearer …`. */
  authorization?: string
  /** More are left out and counted; no limit unless set, or with 0. */
  maxAlerts?: number
}

/** Alerts beyond so many bytes of JSON are left out, as those beyond `maxAlerts` are. */
const maxAlertBytes = 8 * 2 ** 20

/** Our own limits of what Alertmanager does not tell. */
const [maxText, maxLinks] = [20_000, 20]

/** Alertmanager's payload, version 4 (with the fields of 0.34); behind it as `extra` what Mesoscope knows, where it does. */
export function webhookRequests(
  group: GroupNotification,
  { url, authorization, maxAlerts = Infinity }: WebhookSettings,
): ChannelRequest[] {
  const told = truncatedTo(group, Math.min(maxAlerts || Infinity, fitting(group)))
  const body = {
    receiver: receiverPattern(told.receiver),
    status: told.status,
    alerts: told.alerts.map(alertFields),
    notification_reason: told.reason,
    groupLabels: mapOf(told.groupLabels),
    commonLabels: mapOf(told.commonLabels),
    commonAnnotations: mapOf(told.commonAnnotations),
    routeLabels: mapOf(told.routeLabels),
    externalURL: told.externalURL,
    version: '4',
    groupKey: told.groupKey,
    truncatedAlerts: told.truncatedAlerts,
    extra: group.extra && extraFields(group.extra),
  }
  return [jsonRequest(url, body, authorization)]
}

function extraFields({ text, links }: Extra) {
  return {
    text: shortened(harmless(text.slice(0, 2 * maxText)), maxText),
    links: links
      .slice(0, maxLinks)
      .filter(({ url }) => linkTo(url) !== undefined)
      .map(({ name, url }) => ({ name: harmless(name), url })),
  }
}

/** How many of the alerts the limit allows. */
function fitting({ alerts }: GroupNotification): number {
  const characters = alerts.reduce((sum, alert) => sum + textLength(alert), 0)
  // Far below it they need not be written to be counted: a character becomes six at most.
  if (characters + 100 * alerts.length < maxAlertBytes / 12) return alerts.length
  let bytes = 0
  const firstBeyond = alerts.findIndex((alert) => {
    bytes += Buffer.byteLength(goJson(alertFields(alert)))
    return bytes > maxAlertBytes
  })
  return firstBeyond < 0 ? alerts.length : firstBeyond
}
