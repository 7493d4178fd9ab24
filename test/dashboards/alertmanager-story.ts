/** A half of what amtool and others said to one running Alertmanager, with the steps of the other half that it builds on. */
import { readFileSync } from 'node:fs'

export interface Exchange {
  method: string
  path: string
  body: unknown
  response: { status: number; contentType: string | null; body: unknown }
}

export interface Session {
  id: string
  argv: string[]
  http: Exchange[]
}

const fixture = new URL(
  '../fixtures/oracles/alertmanager/amtool-api-sessions.json',
  import.meta.url,
)
export const { config, cases: sessions } = JSON.parse(readFileSync(fixture, 'utf8')) as {
  config: string
  cases: Session[]
}

const maintenance = {
  matchers: [{ name: 'alertname', value: 'Down', isRegex: false, isEqual: true }],
  startsAt: '2026-11-22T19:21:19.620Z',
  endsAt: '2026-11-22T21:21:19.616Z',
  createdBy: 'ops',
  comment: 'maintenance',
}
const maintenanceId = '6318fba0-0260-449f-ba84-03fa4ea160dd'

/** What must have been posted before a session, as its answers tell. */
export const missingSteps: Readonly<
  Record<string, { path: string; body: unknown; silenceID?: string }>
> = {
  'session-002': {
    path: '/api/v2/alerts',
    body: [{ labels: { alertname: 'Slow', cluster: 'c1', env: 'dev', severity: 'warning' } }],
  },
  'session-016': { path: '/api/v2/silences', body: maintenance, silenceID: maintenanceId },
  'session-028': {
    path: '/api/v2/silences',
    body: { ...maintenance, id: maintenanceId, comment: 'longer' },
  },
}

/** Ids by what they are here, and times that depend on when it ran as `time`. */
export function comparable(body: unknown, ids: ReadonlyMap<string, string>): unknown {
  if (body === null || body === undefined) return ''
  let text = JSON.stringify(body).replace(
    /"\d{4}-\d\d-\d\dT(?!00:00:00\.000Z)\d\d:\d\d:\d\d\.\d{3}Z"/g,
    '"time"',
  )
  for (const [theirs, ours] of ids) text = text.replaceAll(theirs, ours)
  return JSON.parse(text) as unknown
}
