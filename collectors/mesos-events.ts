import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { partOf, type Part, type Problem } from './answer.ts'
import { readAgent, type MesosAgent } from './mesos-agents.ts'
import { readFramework, type MesosFramework } from './mesos-frameworks.ts'
import { stateOfV1, type MasterState } from './mesos-state.ts'
import { readStatus, readTask, type MesosStatus, type MesosTask } from './mesos-tasks.ts'
import { idOf } from './mesos-values.ts'

/** A change of a task's state. */
export interface TaskUpdate {
  id: string
  framework?: string
  agent?: string
  executor?: string
  /** The newest state of the task; the status may be an older one that is only now delivered. */
  state: string
  /** Undefined in the flat form that Mesos' documentation shows. */
  status?: MesosStatus
}

/** One event of the master's stream. */
export type MasterEvent =
  | {
      type: 'SUBSCRIBED'
      state: Omit<MasterState, 'problems'>
      /** How often a sign of life comes, seconds. */
      heartbeatSeconds: number
    }
  | { type: 'TASK_ADDED'; task: MesosTask }
  | { type: 'TASK_UPDATED'; update: TaskUpdate }
  | { type: 'AGENT_ADDED'; agent: MesosAgent }
  | { type: 'AGENT_REMOVED'; agent: string }
  | {
      type: 'FRAMEWORK_ADDED' | 'FRAMEWORK_UPDATED' | 'FRAMEWORK_REMOVED'
      framework: MesosFramework
    }
  | { type: 'HEARTBEAT' }

export interface EventRead {
  /** Undefined where it was not understood, which is noted. */
  event?: MasterEvent
  /** As it came. */
  type?: string
  problems: Problem[]
}

/** Mesos' own, where it does not say another. */
const usualHeartbeatSeconds = 15

type Reader = (part: Part) => MasterEvent | undefined

const framework =
  (type: 'FRAMEWORK_ADDED' | 'FRAMEWORK_UPDATED' | 'FRAMEWORK_REMOVED'): Reader =>
  (part) => {
    const read = readFramework(part.part('framework') ?? part)
    return read && { type, framework: read }
  }

const readers: Record<string, Reader> = {
  SUBSCRIBED(part) {
    const state = part.part('get_state')
    if (!state) return undefined
    const told = part.number('heartbeat_interval_seconds')
    const heartbeatSeconds = told !== undefined && told > 0 ? told : usualHeartbeatSeconds
    return { type: 'SUBSCRIBED', state: stateOfV1(state), heartbeatSeconds }
  },
  TASK_ADDED(part) {
    const task = part.part('task')
    const read = task && readTask(task)
    return read && { type: 'TASK_ADDED', task: read }
  },
  TASK_UPDATED(part) {
    const update = readUpdate(part)
    return update && { type: 'TASK_UPDATED', update }
  },
  AGENT_ADDED(part) {
    const agent = part.part('agent')
    const read = agent && readAgent(agent)
    return read && { type: 'AGENT_ADDED', agent: read }
  },
  AGENT_REMOVED(part) {
    const agent = idOf(part, 'agent_id')
    return agent === undefined ? undefined : { type: 'AGENT_REMOVED', agent }
  },
  FRAMEWORK_ADDED: framework('FRAMEWORK_ADDED'),
  FRAMEWORK_UPDATED: framework('FRAMEWORK_UPDATED'),
  FRAMEWORK_REMOVED: framework('FRAMEWORK_REMOVED'),
}

/** One record of the answer to SUBSCRIBE, parsed. Never throws. */
export function readMasterEvent(record: unknown): EventRead {
  const problems: Problem[] = []
  const part = partOf(record, problems)
  const type = part?.text('type')
  if (!part || type === undefined) {
    part?.note('an event without a type')
    return { problems }
  }
  if (type === 'HEARTBEAT') return { event: { type }, type, problems }
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined
  if (!read) {
    part.note('is of a type that is not known', `type (${type.slice(0, 100)})`)
    return { type, problems }
  }
  const details = part.part(type.toLowerCase())
  const event = details && read(details)
  if (!event && problems.length === 0) part.note(`a ${type} that says nothing`)
  return { ...(event ? { event } : {}), type, problems }
}

function readUpdate(part: Part): TaskUpdate | undefined {
  const inner = part.part('status')
  const id = (inner && idOf(inner, 'task_id')) ?? idOf(part, 'task_id')
  const status = inner && readStatus(inner)
  const state = part.text('state') ?? status?.state
  if (id === undefined || state === undefined) {
    part.note('an update without a task or a state')
    return undefined
  }
  return {
    ...withoutUndefined({
      framework: idOf(part, 'framework_id'),
      agent: (inner && idOf(inner, 'agent_id')) ?? idOf(part, 'agent_id'),
      executor: (inner && idOf(inner, 'executor_id')) ?? idOf(part, 'executor_id'),
      status,
    }),
    id,
    state,
  }
}
