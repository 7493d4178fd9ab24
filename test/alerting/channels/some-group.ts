import { groupOf, type Extra, type GroupNotification } from '../../../alerting/channels/group.ts'
import type { Labels } from '../../../alerting/stages/labels.ts'

export interface Some {
  labels?: Labels
  annotations?: Labels
  resolved?: boolean
}

/** A group by `alertname`, of an alert for each `some`, as the dispatcher tells of it. */
export function someGroup(some: readonly Some[], extra?: Extra): GroupNotification {
  const startsAt = Date.UTC(2026, 0, 1)
  const alerts = some.map(({ labels = {}, annotations = {}, resolved = false }, i) => ({
    status: resolved ? ('resolved' as const) : ('firing' as const),
    fingerprint: String(i).padStart(16, '0'),
    labels: { alertname: 'X', ...labels },
    annotations,
    startsAt,
    endsAt: startsAt + 60_000,
    generatorURL: 'http://page/graph',
    updatedAt: startsAt,
    timeout: false,
  }))
  const told = {
    receiver: 'ops',
    status: alerts.every(({ status }) => status === 'resolved')
      ? ('resolved' as const)
      : ('firing' as const),
    reason: 'first notification' as const,
    groupKey: '{}:{alertname="X"}',
    groupLabels: { alertname: 'X' },
    routeLabels: {},
    alerts,
  }
  return groupOf(told, 'http://mesoscope.example', extra)
}
