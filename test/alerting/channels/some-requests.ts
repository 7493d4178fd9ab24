import { alertmanagerRequests } from '../../../alerting/channels/alertmanager.ts'
import type { GroupNotification } from '../../../alerting/channels/group.ts'
import { opsgenieRequests } from '../../../alerting/channels/opsgenie.ts'
import { pagerDutyRequests } from '../../../alerting/channels/pagerduty.ts'
import type { ChannelRequest } from '../../../alerting/channels/request.ts'
import { slackRequests } from '../../../alerting/channels/slack.ts'
import { webhookRequests } from '../../../alerting/channels/webhook.ts'

export const pagerDuty = { routingKey: 'key', url: 'http://127.0.0.1/' }
export const slack = { url: 'http://127.0.0.1/' }
export const opsgenie = { apiKey: 'key' }

export const all: Record<string, (group: GroupNotification) => ChannelRequest[]> = {
  webhook: (group) => webhookRequests(group, slack),
  pagerduty: (group) => pagerDutyRequests(group, pagerDuty),
  slack: (group) =>
    slackRequests(group, { ...slack, text: ({ alerts }) => JSON.stringify(alerts) }),
  opsgenie: (group) => opsgenieRequests(group, { ...opsgenie, updateAlerts: true }),
  alertmanager: (group) => alertmanagerRequests(group, slack, 0),
}
