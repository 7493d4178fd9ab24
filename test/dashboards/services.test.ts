import test from 'ava'
import type { AlertView } from '../../dashboards/api.ts'
import { manualClock } from '../../pipeline/clock.ts'
import { getJson, open } from './open.ts'
import { openInstance } from './shop.ts'

const now = Date.UTC(2026, 10, 22, 18, 30)
const alert = (service: string, state: AlertView['state'], since: number): AlertView => ({
  incident: `${service} ${state}`,
  alert: `Alert-${state}`,
  service,
  state,
  since,
  threshold: '> 1',
  labels: {},
  annotations: {},
})

test('the most ill service comes first, with since when', async (t) => {
  const { url, store, state } = await open(t, { clock: manualClock(now) })
  const write = (service: string, at: number, errors: number, infos: number) =>
    openInstance(service, `${service.slice(1)}.1`, service.slice(1).repeat(8)).write(at, [
      ...Array.from({ length: errors }, () => ['error', 'no'] as const),
      ...Array.from({ length: infos }, () => ['info', 'yes'] as const),
    ])
  await store.appendLogs([
    write('/busy', now - 5000, 0, 9),
    write('/errs', now - 5000, 3, 1),
    write('/ill', now - 5000, 1, 1),
    write('/quiet', now - 3_600_000, 0, 1),
    write('/gone', now - 25 * 3_600_000, 0, 1),
  ])
  state.alerts = [
    alert('/ill', 'firing', now - 60_000),
    alert('/ill', 'pending', now - 90_000),
    alert('/busy', 'resolved', now - 90_000),
    alert('/never', 'unknown', now - 30_000),
  ]
  const { services } = (await getJson(`${url}/api/services`)).body
  const short = services.map((one: Record<string, unknown>) => [
    one['service'],
    one['state'],
    one['since'],
  ])
  t.deepEqual(short, [
    ['/ill', 'firing', now - 90_000],
    ['/never', 'unknown', now - 30_000],
    ['/errs', 'ok', undefined],
    ['/busy', 'ok', undefined],
    ['/quiet', 'silent', undefined],
  ])
  const [ill, never, errs, , quiet] = services
  t.deepEqual(ill.alerts, ['Alert-firing', 'Alert-pending'])
  t.is(never.lastMs, undefined)
  t.is(quiet.lastMs, now - 3_600_000)
  t.deepEqual([errs.lines, errs.errors, errs.taskCount, errs.tasks], [4, 3, 1, ['errs.1']])
  t.is(errs.spark.bucketMs, 30_000)
  const sum = (counts: number[]) => counts.reduce((a, b) => a + b, 0)
  t.deepEqual([sum(errs.spark.lines), sum(errs.spark.errors)], [4, 3])
  t.is(errs.spark.lines.at(-2), 4)
})

test('without any line the list is empty', async (t) => {
  const { url } = await open(t)
  t.deepEqual((await getJson(`${url}/api/services`)).body.services, [])
  const none = await getJson(`${url}/api/logs?service=web`)
  t.regex(none.body.remedy, /no service has written a line yet; see Health/)
})

test('a silent service can be asked for by the alert about it', async (t) => {
  const { url, state } = await open(t)
  state.alerts = [alert('/shop/worker', 'firing', now)]
  const { status, body } = await getJson(`${url}/api/logs?service=worker`)
  t.is(status, 200)
  t.deepEqual([body.services, body.hits], [['/shop/worker'], []])
})
