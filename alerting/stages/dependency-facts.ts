/** News of agents, as the topic `changes` and alerts tell them. */
import { isoToMs, type ChangeDoc } from '../../pipeline/event.ts'
import { identityFromEcs } from '../../pipeline/identity.ts'
import { isResolved, type Alert } from './alerts.ts'
import { labelOf } from './labels.ts'

/** News of an agent, by its host name. */
export interface AgentFact {
  agent: string
  what: 'lost' | 'back'
  at: number
}

const whatOf: Readonly<Record<string, AgentFact['what']>> = {
  'agent-lost': 'lost',
  'agent-returned': 'back',
  'agent-added': 'back',
}

/** Undefined where a change tells of no agent, or not of which one. */
export function agentFactOf(change: ChangeDoc): AgentFact | undefined {
  const action = change['event.action']
  const what = Object.hasOwn(whatOf, action) ? whatOf[action] : undefined
  const { agent } = identityFromEcs(change)
  const at = isoToMs(change['@timestamp'])
  const isWhole = typeof agent === 'string' && agent !== '' && Number.isFinite(at)
  if (change['event.kind'] !== 'cluster' || !what || !isWhole) return undefined
  return { agent, what, at }
}

/**
 * Of an alert as it is kept at `now` that, by its name, says that the agent in its label `agent` is lost: for what watches agents
 * from outside. Undefined for any other.
 */
export function agentFactOfAlert(
  alert: Pick<Alert, 'labels' | 'startsAt' | 'endsAt'>,
  names: ReadonlySet<string>,
  now: number,
): AgentFact | undefined {
  const agent = labelOf(alert.labels, 'agent')
  if (agent === '' || !names.has(labelOf(alert.labels, 'alertname'))) return undefined
  return isResolved(alert, now)
    ? { agent, what: 'back', at: alert.endsAt }
    : { agent, what: 'lost', at: alert.startsAt }
}
