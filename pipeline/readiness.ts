import { ownLabel } from './own-label.ts'
import {
  isPostureFinding,
  postureFindings,
  postureNames,
  type PostureFinding,
  type ServicePosture,
} from './posture.ts'
import type { RuleFacts } from './covers.ts'
import type { ServiceState } from './service-state.ts'
import { defaultRetention } from './store/retention.ts'

export const readinessStatuses = ['missing', 'unknown', 'accepted', 'ok'] as const
export type ReadinessStatus = (typeof readinessStatuses)[number]

/** The points beside the findings of `pipeline/posture.ts`. */
export const readinessPoints = ['logs', 'alert-rule', 'owner', 'runbook', 'retention'] as const
export type ReadinessName = PostureFinding | (typeof readinessPoints)[number]

export interface ReadinessPoint {
  point: ReadinessName
  status: ReadinessStatus
  /** What is known, in one sentence. */
  reason: string
  /** What to do; absent where nothing is to be done. */
  remedy?: string
}

/** Whether a service is fit for production, and what is missing. */
export interface Readiness {
  service: string
  /** All points are ok or accepted: what is not known is not good. */
  fit: boolean
  points: ReadinessPoint[]
  /** Names that the service accepts and that are no finding. */
  notUnderstood: string[]
}

/** All from the bus and the store: any process of a cluster can tell. */
export interface ReadinessInputs {
  service: string
  nowMs: number
  posture: ServicePosture | undefined
  /** As Marathon tells it. */
  state: ServiceState | undefined
  /** Of the last day: how many, and when the newest was written, ms. */
  lines: { count: number; lastMs: number } | undefined
  /** What it wrote has not been read yet: so many seconds. */
  behindSeconds: number | undefined
  /** That look at it; undefined where nobody can tell. */
  rules: readonly RuleFacts[] | undefined
  /** Declared classes; undefined where nobody can tell. */
  retentionClasses: readonly string[] | undefined
}

/** Pure. */
export function assess(inputs: ReadinessInputs): Readiness {
  const points = [
    ...postureNames.map((name) => findingPoint(name, inputs.posture)),
    logsPoint(inputs),
    rulePoint(inputs),
    labelPoint('owner', inputs),
    labelPoint('runbook', inputs),
    retentionPoint(inputs),
  ]
  return {
    service: inputs.service,
    fit: points.every(({ status }) => status === 'ok' || status === 'accepted'),
    points,
    notUnderstood: (inputs.posture?.accept ?? []).filter((name) => !isPostureFinding(name)),
  }
}

function findingPoint(name: PostureFinding, posture: ServicePosture | undefined): ReadinessPoint {
  const held = posture?.findings[name]
  const { says, remedy } = postureFindings[name]
  const accepted = posture?.accept.includes(name) === true
  if (held?.found === false) return { point: name, status: 'ok', reason: held.detail }
  const reason = held ? `it ${says} (${held.detail})` : unknownReason(posture)
  if (accepted)
    return { point: name, status: 'accepted', reason: `${reason}; its label accepts it` }
  return held
    ? { point: name, status: 'missing', reason, remedy }
    : { point: name, status: 'unknown', reason, remedy: unknownRemedy }
}

function unknownReason(posture: ServicePosture | undefined): string {
  if (!posture) return 'neither Docker nor Marathon tells of it'
  return posture.containers > 0
    ? 'its containers were looked at, and do not tell'
    : 'no container of it was looked at, and its app does not say'
}

const unknownRemedy =
  'give a collector the socket of its Docker (`collectors.docker[].socket`), or accept it by the label `mesoscope.posture.accept`'

function logsPoint({ lines, behindSeconds, state, nowMs }: ReadinessInputs): ReadinessPoint {
  const point = 'logs'
  if (lines && lines.count > 0) {
    const seconds = Math.max(0, Math.round((nowMs - lines.lastMs) / 1000))
    return {
      point,
      status: 'ok',
      reason: `${lines.count} lines in a day, the last ${seconds} s ago`,
    }
  }
  if (behindSeconds !== undefined) {
    const reason = `no line came in a day, but what it wrote for ${behindSeconds} s is not read yet`
    return { point, status: 'unknown', reason, remedy: 'see Health: what holds its lines back' }
  }
  const isOff = ownLabel(state?.labels, 'logs') === 'false'
  return {
    point,
    status: 'missing',
    reason: isOff ? 'its label `mesoscope.logs` is `false`' : 'no line came in a day',
    remedy: 'let it log to stdout, or name its files (`mesoscope.files`)',
  }
}

function rulePoint({ rules, posture, state }: ReadinessInputs): ReadinessPoint {
  const point = 'alert-rule'
  if (!rules) return { point, status: 'unknown', reason: 'the rules are not known here' }
  const owner = state?.owner ?? posture?.identity.owner
  const names = rules.map(({ alert }) => alert).slice(0, 5)
  const shown = `${names.join(', ')}${rules.length > names.length ? ' …' : ''}`
  if (rules.length === 0) {
    const reason = 'no rule looks at it'
    return {
      point,
      status: 'missing',
      reason,
      remedy: 'declare one in `alerts` over a signal by service',
    }
  }
  const owners = rules.flatMap((rule) => ownerOf(rule, owner) ?? [])
  if (owners[0] !== undefined)
    return { point, status: 'ok', reason: `${shown}; owner ${owners[0]}` }
  const reason = `${shown} cover it, and name no owner`
  return {
    point,
    status: 'missing',
    reason,
    remedy: 'label the service, or the rule, with `owner`',
  }
}

/** The rule's own label, or what all alerts of a service carry. */
function ownerOf({ labels }: RuleFacts, ofService: string | undefined): string | undefined {
  const own = labels['owner']?.trim()
  // A text that is filled in (`{{ owner }}`) names the service's.
  return own !== undefined && own !== '' && !own.includes('{{') ? own : ofService
}

function labelPoint(
  point: 'owner' | 'runbook',
  { posture, state }: ReadinessInputs,
): ReadinessPoint {
  const value = state?.[point] ?? posture?.identity[point]
  if (value !== undefined) return { point, status: 'ok', reason: value }
  const remedy = `give the app, or its containers, the label \`${point}\``
  if (!state && !posture)
    return { point, status: 'unknown', reason: unknownReason(posture), remedy }
  return { point, status: 'missing', reason: `it has no label \`${point}\``, remedy }
}

function retentionPoint({ posture, state, retentionClasses }: ReadinessInputs): ReadinessPoint {
  const point = 'retention'
  const asked = state?.retention ?? posture?.identity.retention
  if (asked === undefined || asked === defaultRetention) {
    return { point, status: 'ok', reason: `kept as \`${defaultRetention}\`` }
  }
  if (!retentionClasses)
    return { point, status: 'unknown', reason: 'the classes are not known here' }
  if (retentionClasses.includes(asked))
    return { point, status: 'ok', reason: `kept as \`${asked}\`` }
  return {
    point,
    status: 'missing',
    reason: `it asks for the class \`${asked}\`, which is not declared: kept as \`${defaultRetention}\``,
    remedy: 'declare it in `store.retention_classes`, or correct the label `mesoscope.retention`',
  }
}
