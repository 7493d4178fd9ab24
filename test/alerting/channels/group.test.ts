import test from 'ava'
import { truncatedTo, type GroupNotification } from '../../../alerting/channels/group.ts'
import { webhookRequests } from '../../../alerting/channels/webhook.ts'
import { createDispatcher } from '../../../alerting/stages/dispatch.ts'
import { readStagesConfig } from '../../../alerting/stages/config.ts'
import { groupOf } from '../../../alerting/channels/group.ts'
import { someGroup } from './some-group.ts'

test('what the dispatcher gives becomes a group: firing ones have no end', (t) => {
  const config = readStagesConfig(
    `
route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 3s}
receivers:
- name: hook
  webhook_configs: [{url: 'http://127.0.0.1/'}]
`,
    'test.yml',
  )
  const dispatcher = createDispatcher(config, 0)
  const labels = { alertname: 'X', job: 'web' }
  dispatcher.post(
    [
      { labels: { ...labels, host: 'a' }, annotations: { s: 'same', own: '1' }, startsAt: 0 },
      { labels: { ...labels, host: 'b' }, annotations: { s: 'same' }, startsAt: 0, endsAt: 500 },
    ],
    0,
  )
  const [told] = dispatcher.advance(1000)
  if (!told) return t.fail('nothing was told')
  const group = groupOf(told, 'http://page/')
  t.like(group, {
    receiver: 'hook',
    status: 'firing',
    groupLabels: { alertname: 'X' },
    commonLabels: labels,
    commonAnnotations: { s: 'same' },
    externalURL: 'http://page',
    truncatedAlerts: 0,
  })
  t.deepEqual(
    group.alerts.map(({ status, endsAt }) => [status, endsAt]),
    [
      ['firing', undefined],
      ['resolved', 500],
    ],
  )
})

test('of a truncated group the rest is counted, and common is what the others have in common', (t) => {
  const group = someGroup([{ labels: { a: '1' } }, { labels: { a: '1' } }, { labels: { a: '2' } }])
  t.deepEqual(group.commonLabels, { alertname: 'X' })
  const truncated = truncatedTo(group, 2)
  t.is(truncated.alerts.length, 2)
  t.is(truncated.truncatedAlerts, 1)
  t.deepEqual(truncated.commonLabels, { alertname: 'X', a: '1' })
  t.is(truncatedTo(truncated, 1).truncatedAlerts, 2)
  t.is(truncatedTo(group, 3), group)
})

const body = (group: GroupNotification, maxAlerts?: number) => {
  const settings = { url: 'http://h/', ...(maxAlerts === undefined ? {} : { maxAlerts }) }
  const [request] = webhookRequests(group, settings)
  return JSON.parse(request?.body ?? '') as { alerts: unknown[]; truncatedAlerts: number }
}

test('a webhook gets at most as many alerts as wanted, and no more than eight megabytes', (t) => {
  const group = someGroup([{}, {}, {}])
  t.like(body(group, 2), { alerts: { length: 2 }, truncatedAlerts: 1 })
  t.like(body(group, 0), { alerts: { length: 3 }, truncatedAlerts: 0 })
  const huge = someGroup(
    Array.from({ length: 20 }, () => ({ annotations: { a: 'é'.repeat(5e5) } })),
  )
  t.like(body(huge), { alerts: { length: 8 }, truncatedAlerts: 12 })
})

test('a webhook is told of the labels of the route', (t) => {
  const config = readStagesConfig(
    `
route: {receiver: hook, group_by: [alertname], labels: {team: web}}
receivers:
- name: hook
  webhook_configs: [{url: 'http://127.0.0.1/'}]
`,
    'test.yml',
  )
  const dispatcher = createDispatcher(config, 0)
  dispatcher.post([{ labels: { alertname: 'X' } }], 0)
  const [told] = dispatcher.advance(30_000)
  if (!told) return t.fail('nothing was told')
  const [request] = webhookRequests(groupOf(told, ''), { url: 'http://127.0.0.1/' })
  const { routeLabels } = JSON.parse(String(request?.body)) as { routeLabels: unknown }
  t.deepEqual(routeLabels, { team: 'web' })
})
