import { parseJson } from '../pipeline/http.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { isObject, partOf, type Part, type Problem } from './answer.ts'
import { deploymentOf, type MarathonDeployment } from './marathon-deployments.ts'
import { idOf, pathOf, timeOf } from './marathon-values.ts'
import type { SseMessage } from './sse.ts'

/** What an event of `/v2/events` tells, as far as it is used. Times are ms; Marathon's own. */
export type MarathonEvent =
  | StatusEvent
  | HealthEvent
  | HealthKill
  | DeploymentEvent
  | AskedEvent
  /** Something that the next poll shall look at, or nothing that matters. */
  | { kind: 'hint' | 'noise'; type: string }

export interface StatusEvent {
  kind: 'status'
  task: string
  service: string
  /** `TASK_RUNNING` … */
  state: string
  timeMs: number
  message?: string
  agent?: string
  version?: string
}

export interface HealthEvent {
  kind: 'health'
  /** A task's id, or that of an instance (since 1.4). */
  task: string
  service: string
  healthy: boolean
  timeMs: number
  version?: string
}

/** Marathon kills a task, since its checks fail. */
export interface HealthKill {
  kind: 'kill'
  /** A task's id, or that of an instance. */
  task: string
  service: string
  /** When the last check failed. */
  timeMs: number
  /** Why, as Marathon tells it. */
  reason?: string
  agent?: string
  version?: string
}

export interface DeploymentEvent {
  kind: 'deployment'
  /** `step`: one begins; `step-done`: one is over. */
  action: 'step' | 'step-done' | 'succeeded' | 'failed'
  id: string
  timeMs: number
  plan?: MarathonDeployment
}

/** Somebody asked for a change of an app or pod over the API. */
export interface AskedEvent {
  kind: 'asked'
  service: string
  /** Address of the client, as Marathon sees it: that of the proxy where there is one. */
  by: string
  uri: string
  timeMs: number
}

export interface EventRead {
  event: MarathonEvent | undefined
  problems: Problem[]
}

const deploymentActions: Record<string, DeploymentEvent['action']> = {
  deployment_info: 'step',
  deployment_step_success: 'step-done',
  deployment_success: 'succeeded',
  deployment_failed: 'failed',
}

/** They say something that no poll shows: a subscriber came, a check failed once, a message of an executor. */
const noise = new Set([
  'add_health_check_event',
  'event_stream_attached',
  'event_stream_detached',
  'failed_health_check_event',
  'framework_message_event',
  'remove_health_check_event',
  'subscribe_event',
  'unsubscribe_event',
])

/** One event, of Marathons from 0.7 on. Never throws. */
export function readEvent(answer: unknown): EventRead {
  const problems: Problem[] = []
  const part = partOf(answer, problems)
  const type = part?.text('eventType')
  if (!part || type === undefined) {
    part?.note('an event without eventType')
    return { event: undefined, problems }
  }
  return { event: eventOf(type, part, problems), problems }
}

/** A message of the stream. Its type stands in its data as well; in some old Marathons only beside it. Never throws. */
export function readMessage({ type, data }: SseMessage): EventRead {
  let body: unknown
  try {
    body = parseJson(data)
  } catch {
    return { event: undefined, problems: [{ path: '$', problem: 'is no JSON' }] }
  }
  if (!isObject(body) || body['eventType'] !== undefined || type === undefined) {
    return readEvent(body)
  }
  return readEvent({ ...body, eventType: type })
}

function eventOf(type: string, part: Part, problems: Problem[]): MarathonEvent | undefined {
  const action = Object.hasOwn(deploymentActions, type) ? deploymentActions[type] : undefined
  if (action) return deploymentEvent(action, part, problems)
  switch (type) {
    case 'status_update_event':
      return statusEvent(part)
    case 'health_status_changed_event':
      return healthEvent(part, 'alive')
    case 'instance_health_changed_event':
      return healthEvent(part, 'healthy')
    case 'unhealthy_instance_kill_event':
    case 'unhealthy_task_kill_event':
      return killEvent(part)
    case 'api_post_event':
    case 'pod_created_event':
    case 'pod_updated_event':
    case 'pod_deleted_event':
      return askedEvent(part) ?? { kind: 'hint', type }
    default:
      return { kind: noise.has(type) ? 'noise' : 'hint', type: type.slice(0, 100) }
  }
}

function statusEvent(part: Part): StatusEvent | undefined {
  const task = idOf(part, 'taskId')
  const service = pathOf(part, 'appId', 'runSpecId')
  const state = part.text('taskStatus')
  const timeMs = timeOf(part, 'timestamp')
  if (!task || !service || !state || timeMs === undefined) {
    part.note('a status without task, app, state or time')
    return undefined
  }
  return {
    kind: 'status',
    task,
    service,
    state,
    timeMs,
    ...withoutUndefined({
      message: part.text('message'),
      agent: part.text('host'),
      version: part.text('version'),
    }),
  }
}

function healthEvent(part: Part, key: 'alive' | 'healthy'): HealthEvent | undefined {
  const task = idOf(part, 'instanceId', 'taskId')
  const service = pathOf(part, 'runSpecId', 'appId')
  const healthy = part.flag(key)
  const timeMs = timeOf(part, 'timestamp')
  if (!task || !service || healthy === undefined || timeMs === undefined) {
    part.note('a health without task, app, outcome or time')
    return undefined
  }
  const version = part.text('runSpecVersion', 'version')
  return {
    kind: 'health',
    task,
    service,
    healthy,
    timeMs,
    ...(version === undefined ? {} : { version }),
  }
}

function killEvent(part: Part): HealthKill | undefined {
  const task = idOf(part, 'taskId', 'instanceId')
  const service = pathOf(part, 'appId', 'runSpecId')
  const timeMs = timeOf(part, 'timestamp')
  if (!task || !service || timeMs === undefined) {
    part.note('a kill without task, app or time')
    return undefined
  }
  return {
    kind: 'kill',
    task,
    service,
    timeMs,
    ...withoutUndefined({
      reason: part.text('reason'),
      agent: part.text('host'),
      version: part.text('version'),
    }),
  }
}

/** Undefined where it does not tell who asked, or for what: the creation of a pod names none. */
function askedEvent(part: Part): AskedEvent | undefined {
  const by = part.text('clientIp')
  const uri = part.text('uri')
  const timeMs = timeOf(part, 'timestamp')
  const ofPod = /^\/v2\/pods(\/.+?)(?:::.*)?$/.exec(uri ?? '')?.[1]
  const definition = part.has('appDefinition') ? part.part('appDefinition') : undefined
  const service = (definition && pathOf(definition, 'id')) ?? ofPod
  if (!by || !uri || !service || timeMs === undefined) return undefined
  return { kind: 'asked', service, by, uri, timeMs }
}

/** Since 1.7 a plan has no more than its steps; an end may have none. */
function deploymentEvent(
  action: DeploymentEvent['action'],
  part: Part,
  problems: Problem[],
): DeploymentEvent | undefined {
  const holder = part.has('plan') ? part.part('plan') : undefined
  const plan = holder && deploymentOf(holder, problems, part)
  const id = plan?.id ?? idOf(part, 'id')
  const timeMs = timeOf(part, 'timestamp')
  if (id === undefined || timeMs === undefined) {
    part.note('a deployment without id or time')
    return undefined
  }
  return { kind: 'deployment', action, id, timeMs, ...(plan ? { plan } : {}) }
}
