import type { Notification as Known } from '../../alerting/records.ts'
import type { Notification } from '../../alerting/stages/flush.ts'
import type { NotifiedAlert } from '../../alerting/stages/groups.ts'
import { fingerprint, type Labels } from '../../alerting/stages/labels.ts'
import { readStagesConfig } from '../../alerting/stages/config.ts'
import { t0 } from './world.ts'

const minute = 60_000

export interface SomeAlert {
  labels?: Labels
  annotations?: Labels
  /** ms before `t0`. */
  ago?: number
  /** ms before `t0`; absent while it fires. */
  overSince?: number
  generatorURL?: string
}

export function someAlert(some: SomeAlert = {}): NotifiedAlert {
  const { annotations = {}, ago = 2 * minute, overSince, generatorURL = '' } = some
  const labels = { alertname: 'HighErrorRate', service: '/shop/web', ...some.labels }
  return {
    fingerprint: fingerprint(labels),
    labels,
    annotations,
    startsAt: t0 - ago,
    endsAt: overSince === undefined ? t0 + 5 * minute : t0 - overSince,
    generatorURL,
    updatedAt: t0,
    timeout: false,
    status: overSince === undefined ? 'firing' : 'resolved',
  }
}

const config = `
route: {receiver: ops, group_by: [alertname]}
receivers: [{name: ops, webhook_configs: [{url: 'http://127.0.0.1/'}]}]
`

/** As the dispatcher tells of a group by `alertname`. */
export function someNotification(
  alerts: readonly NotifiedAlert[],
  overrides: Partial<Notification> = {},
): Notification {
  const [integration] = readStagesConfig(config, 'am.yml').receivers.get('ops') ?? []
  if (!integration) throw new Error('no integration')
  return {
    id: '1',
    receiver: 'ops',
    integration,
    groupKey: '{}:{alertname="HighErrorRate"}',
    groupLabels: { alertname: 'HighErrorRate' },
    routeLabels: {},
    status: alerts.some(({ status }) => status === 'firing') ? 'firing' : 'resolved',
    alerts,
    reason: 'first notification',
    attempt: 1,
    ...overrides,
  }
}

/** The alert as a rule on the rate of errors knows it. */
export function knownOf(alert: NotifiedAlert, value: number): Known {
  const service = alert.labels['service'] ?? ''
  const over = alert.status === 'resolved'
  const activeAt = alert.startsAt - minute
  return {
    incident: `${alert.fingerprint}-${activeAt}`,
    state: alert.status,
    ts: over ? alert.endsAt : alert.startsAt,
    alert: {
      fingerprint: alert.fingerprint,
      labels: { ...alert.labels },
      group: { service },
      value,
      threshold: 5,
      signals: { error_rate: value },
      lastMs: t0 - 100,
      annotations: { ...alert.annotations },
      state: over ? 'inactive' : 'firing',
      activeAt,
      firedAt: alert.startsAt,
      ...(over ? { resolvedAt: alert.endsAt } : {}),
      peak: value,
    },
    facts: {
      alert: 'HighErrorRate',
      when: 'error_rate > 5',
      forMs: minute,
      lowIsWorse: false,
      signals: [{ name: 'error_rate', where: 'level:error', measure: 'rate', overMs: minute }],
      comparison: { left: 'error_rate', signal: 'error_rate', operator: '>', right: '5' },
    },
    sent: false,
    deliveries: {},
  }
}
