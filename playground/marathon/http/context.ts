import type { Core } from '../core.ts'
import type { Plan } from '../model.ts'
import type { State } from '../state.ts'
import type { Answer, Asked } from './exchange.ts'
import type { Leadership } from './leadership.ts'

/** What the routes of a leading instance work with. */
export interface Context {
  core: Core
  state: State
  leadership: Leadership
  /** `127.0.0.1:8080`, of this instance. */
  address: string
  /** ms since the epoch. */
  startedAt: number
  eventStreams(): number
}

/** `ids` are what the pattern of the path captured. */
export type Handle = (context: Context, asked: Asked, ...ids: string[]) => Answer

export interface Route {
  method: string
  path: RegExp
  handle: Handle
}

export function route(method: string, path: RegExp, handle: Handle): Route {
  return { method, path, handle }
}

/** A boolean parameter of the query. */
export function flag({ query }: Asked, name: string, fallback = false): boolean {
  const value = query.get(name)
  return value === null ? fallback : value === 'true'
}

/** `?force=true`, counted: the autoscaler must never use it. */
export function forced({ state }: Context, asked: Asked, fallback = false): boolean {
  if (asked.query.get('force') === 'true') state.counts.deploymentsForced += 1
  return flag(asked, 'force', fallback)
}

/** The answer to every change: `{version, deploymentId}`, and the id in a header. */
export function deploymentAnswer({ id, version }: Plan, status = 200): Answer {
  return {
    status,
    body: { version, deploymentId: id },
    headers: { 'Marathon-Deployment-Id': id },
  }
}
