import type { ExecutionContext } from 'ava'
import { parseFilter } from '../../alerting/stages/filter.ts'
import type { DashboardsOptions } from '../../dashboards/api.ts'
import { manualClock } from '../../pipeline/clock.ts'
import { memoryDesk } from '../helpers/desk.ts'
import { config } from './alertmanager-story.ts'
import { open } from './open.ts'

export const now = Date.parse('2026-11-22T19:21:19.700Z')

/** The dashboards before a desk of its own. */
export async function openDesk(t: ExecutionContext, more: Partial<DashboardsOptions> = {}) {
  const clock = manualClock(now)
  const desk = memoryDesk(config, clock)
  const { url } = await open(t, {
    desk,
    parseMatcher: parseFilter,
    clock,
    version: '1.2.3',
    ...more,
  })
  const ask = async (method: string, path: string, body?: unknown, headers = {}) => {
    const json = { 'content-type': 'application/json' }
    const response = await fetch(url + path, {
      method,
      headers: { ...(body === undefined ? {} : json), ...headers },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const type = response.headers.get('content-type')
    // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers freely
    const read: any = type?.startsWith('application/json') ? JSON.parse(text) : text
    return { status: response.status, type, text, body: read }
  }
  const get = (path: string) => ask('GET', path)
  const post = (path: string, body: unknown, headers = {}) => ask('POST', path, body, headers)
  const named = async (query: string) =>
    (await get(`/api/v2/alerts${query}`)).body.map(
      (alert: { labels: Record<string, string> }) => alert.labels['alertname'],
    )
  return { url, clock, desk, ask, get, post, named }
}

/** Down inhibits Slow, and Quiet is silenced. */
export async function openScene(t: ExecutionContext) {
  const scene = await openDesk(t)
  const { status } = await scene.post('/api/v2/alerts', [
    { labels: { alertname: 'Down', severity: 'critical', cluster: 'c1' } },
    { labels: { alertname: 'Slow', severity: 'warning', cluster: 'c1', env: 'dev' } },
    { labels: { alertname: 'Quiet', 'ein Name': 'ü "x"' } },
  ])
  t.is(status, 200)
  t.is((await scene.post('/api/v2/silences', silence({}))).status, 200)
  return scene
}

export function silence(more: object) {
  return {
    matchers: [{ name: 'alertname', value: 'Quiet', isRegex: false }],
    startsAt: '2026-11-22T00:00:00Z',
    endsAt: '2026-11-23T00:00:00Z',
    createdBy: 'ops',
    comment: 'known',
    ...more,
  }
}

export const oneMatcher = (more: object) => ({
  matchers: [{ name: 'a', value: 'b', isRegex: false, ...more }],
})

export const good = { labels: { alertname: 'Good' } }
