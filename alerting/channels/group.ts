/** A group of alerts as a channel tells of it: the data that Alertmanager's receivers are given. */
import type { Notification } from '../stages/flush.ts'
import { labelOf, type Labels } from '../stages/labels.ts'

export interface GroupNotification {
  receiver: string
  status: 'firing' | 'resolved'
  /** Why it is told, in Alertmanager's words: `first notification`. */
  reason: string
  groupKey: string
  groupLabels: Labels
  /** Those of its route, which the settings give. */
  routeLabels: Labels
  /** What all alerts below have in common. */
  commonLabels: Labels
  commonAnnotations: Labels
  /** Where people find more, without a slash at the end. */
  externalURL: string
  alerts: readonly GroupAlert[]
  /** So many more belong to it. */
  truncatedAlerts: number
  /** What Mesoscope knows beyond labels and annotations. */
  extra?: Extra
}

export interface GroupAlert {
  status: 'firing' | 'resolved'
  labels: Labels
  annotations: Labels
  /** ms */
  startsAt: number
  /** ms; undefined while it fires. */
  endsAt: number | undefined
  generatorURL: string
  fingerprint: string
}

export interface Extra {
  /** Of several lines: samples, what changed before. */
  text: string
  links: readonly { name: string; url: string }[]
}

/** A text of the settings: always the same, or made of the group. */
export type Text = string | ((group: GroupNotification) => string)

export function textOf(text: Text | undefined, group: GroupNotification): string | undefined {
  return typeof text === 'function' ? text(group) : text
}

type Told = Pick<
  Notification,
  'receiver' | 'status' | 'reason' | 'groupKey' | 'groupLabels' | 'routeLabels' | 'alerts'
>

/** What the dispatcher wants told. */
export function groupOf(told: Told, externalURL: string, extra?: Extra): GroupNotification {
  const { receiver, status, reason, groupKey, groupLabels, routeLabels } = told
  const alerts = told.alerts.map(
    ({ status, labels, annotations, startsAt, endsAt, generatorURL, fingerprint }): GroupAlert => ({
      status,
      labels,
      annotations,
      startsAt,
      endsAt: status === 'firing' ? undefined : endsAt,
      generatorURL,
      fingerprint,
    }),
  )
  return {
    receiver,
    status,
    reason,
    groupKey,
    groupLabels,
    routeLabels,
    ...commonOf(alerts),
    externalURL: externalURL.replace(/\/+$/, ''),
    alerts,
    truncatedAlerts: 0,
    ...(extra ? { extra } : {}),
  }
}

/** With the first `most` alerts; what they have in common may be more. */
export function truncatedTo(group: GroupNotification, most: number): GroupNotification {
  const { alerts } = group
  if (alerts.length <= most) return group
  const kept = alerts.slice(0, most)
  const truncatedAlerts = group.truncatedAlerts + alerts.length - most
  return { ...group, ...commonOf(kept), alerts: kept, truncatedAlerts }
}

/** How many characters its texts have: written as JSON it has at least as many bytes. */
export function textLength({ labels, annotations, generatorURL }: GroupAlert): number {
  let length = generatorURL.length
  for (const texts of [labels, annotations]) {
    for (const [name, value] of Object.entries(texts)) length += name.length + value.length
  }
  return length
}

function commonOf(alerts: readonly GroupAlert[]) {
  return {
    commonLabels: common(alerts.map(({ labels }) => labels)),
    commonAnnotations: common(alerts.map(({ annotations }) => annotations)),
  }
}

function common([first = {}, ...others]: readonly Labels[]): Labels {
  const kept = Object.entries(first).filter(([name, value]) =>
    others.every((other) => labelOf(other, name) === value),
  )
  return Object.fromEntries(kept)
}
