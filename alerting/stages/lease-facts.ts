/** What a lease is made of: facts on deployments, as the topics `changes` and `services` tell them. */
import { isoToMs, type ChangeDoc } from '../../pipeline/event.ts'
import { identityFromEcs } from '../../pipeline/identity.ts'
import type { MarathonState, ServiceState } from '../../pipeline/service-state.ts'
import { withoutUndefined } from '../../pipeline/without-undefined.ts'

export interface LeaseFact {
  /** Its id. */
  deployment: string
  /** `runs`: it was seen under way then. */
  what: 'runs' | 'ended'
  /** ms */
  at: number
  /** When it was begun, ms, where that is told. */
  sinceMs?: number
  /** That it touches, as far as this tells. */
  services: readonly string[]
  /** The step under way, from 1, and how many there are. */
  step?: number
  steps?: number
}

const whatOf: Readonly<Record<string, LeaseFact['what']>> = {
  started: 'runs',
  step: 'runs',
  stuck: 'runs',
  succeeded: 'ended',
  failed: 'ended',
  ended: 'ended',
}

/** Undefined where a change tells of no deployment; what it tells wrongly is left out. */
export function leaseFactOf(change: ChangeDoc): LeaseFact | undefined {
  const action = change['event.action']
  const what = Object.hasOwn(whatOf, action) ? whatOf[action] : undefined
  const { deployment, service } = identityFromEcs(change)
  const at = isoToMs(change['@timestamp'])
  if (change['event.kind'] !== 'deployment' || !what || !isName(deployment)) return undefined
  if (!Number.isFinite(at)) return undefined
  const affected = change['deployment.affected']
  const services = [...(Array.isArray(affected) ? affected : []), service].filter(isName)
  return {
    deployment,
    what,
    at,
    services,
    ...withoutUndefined({
      sinceMs: action === 'started' ? at : undefined,
      step: countOf(change['deployment.step']),
      steps: countOf(change['deployment.steps']),
    }),
  }
}

/**
 * The deployments that a service shows. Its state is written when it changes alone, so it is as fresh as the last reading of its
 * Marathon: one that cannot be read any more renews nothing.
 */
export function leaseFactsOf(state: ServiceState, marathon?: MarathonState): LeaseFact[] {
  const at = Math.max(state.atMs, marathon?.atMs ?? state.atMs)
  return state.deployments.map(({ id, sinceMs }) => ({
    deployment: id,
    what: 'runs',
    at,
    services: [state.service],
    ...(sinceMs === undefined ? {} : { sinceMs }),
  }))
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined
}
