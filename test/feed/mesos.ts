import { containerMetrics } from '../../collectors/container-metrics.ts'
import { readAgents, type MesosAgent } from '../../collectors/mesos-agents.ts'
import { openCluster } from '../../collectors/mesos-cluster.ts'
import { readMasterEvent, type EventRead } from '../../collectors/mesos-events.ts'
import { openExecutors } from '../../collectors/mesos-executors.ts'
import { readFrameworks, type MesosFramework } from '../../collectors/mesos-frameworks.ts'
import {
  containerIdentity,
  executorIdentity,
  taskIdentity,
} from '../../collectors/mesos-identity.ts'
import { readMetrics } from '../../collectors/mesos-metrics.ts'
import { readMaster } from '../../collectors/mesos-operator.ts'
import { readAgentState, readExecutors, readMasterState } from '../../collectors/mesos-state.ts'
import { readContainers, readingOf } from '../../collectors/mesos-statistics.ts'
import { readTasks, type MesosTask } from '../../collectors/mesos-tasks.ts'
import { openRecordIo } from '../../collectors/recordio.ts'
import { parseJson } from '../../pipeline/http.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { countIn, has, isListOf, isRecord, type Kind, type Understood } from './understood.ts'

const ofType =
  (...types: string[]) =>
  (value: unknown) =>
    isRecord(value) && types.includes(String(value['type']))

const statusesOf = (tasks: readonly MesosTask[]) =>
  tasks.reduce((sum, { statuses }) => sum + statuses.length, 0)

/** Of tasks by what is told beside them: names of agents and of frameworks. */
function identitiesOf(
  tasks: readonly MesosTask[],
  agents: readonly MesosAgent[] = [],
  frameworks: readonly MesosFramework[] = [],
): Identity[] {
  const hosts = new Map(agents.map(({ id, hostname }) => [id, hostname]))
  const names = new Map(frameworks.map(({ id, name }) => [id, name]))
  return tasks.map((task) =>
    taskIdentity(task, {
      agent: hosts.get(task.agent ?? ''),
      framework: names.get(task.framework ?? ''),
    }),
  )
}

/** Time of reading, for what does not tell its own; of no consequence here. */
const someNs = 1_795_377_600_000_000_000n

function containers(value: unknown): Understood {
  const read = readContainers(value)
  const samples = read.containers.filter(({ usage, parent }) => {
    const metrics = usage && containerMetrics(readingOf(usage, someNs), undefined)
    return parent === undefined && Object.keys(metrics ?? {}).length > 0
  })
  const list = Array.isArray(value)
    ? value.length
    : countIn((value as Record<string, unknown>)['get_containers'], 'containers')
  return {
    counts: { containers: read.containers.length, samples: samples.length },
    problems: read.problems,
    identities: read.containers.map((one) => containerIdentity(one, undefined, {})),
    listed: { there: list, read: read.containers.length },
  }
}

function tasks(value: unknown): Understood {
  const answer = Array.isArray(value) ? { tasks: value } : value
  const read = readTasks(answer)
  const holder = has(answer, 'get_tasks') ? answer['get_tasks'] : answer
  return {
    counts: { tasks: read.tasks.length, statuses: statusesOf(read.tasks) },
    problems: read.problems,
    identities: identitiesOf(read.tasks),
    listed: { there: countIn(holder, ...taskLists), read: read.tasks.length },
  }
}

const taskLists = [
  'tasks',
  'unreachable_tasks',
  'completed_tasks',
  'launched_tasks',
  'queued_tasks',
  'pending_tasks',
  'terminated_tasks',
]

function masterState(value: unknown): Understood {
  const read = readMasterState(value)
  const frameworks = read.frameworks.length + read.completed.length
  return {
    counts: {
      agents: read.agents.length + read.recovered.length,
      frameworks,
      tasks: read.tasks.length,
      statuses: statusesOf(read.tasks),
    },
    problems: read.problems,
    identities: identitiesOfState(read),
    listed: {
      there: countIn(value, 'slaves', 'recovered_slaves', 'frameworks', 'completed_frameworks'),
      read: read.agents.length + read.recovered.length + frameworks,
    },
  }
}

function stateV1(value: unknown): Understood {
  const read = readMasterState(value)
  return {
    counts: {
      agents: read.agents.length + read.recovered.length,
      frameworks: read.frameworks.length + read.completed.length,
      executors: read.executors.length,
      tasks: read.tasks.length,
      statuses: statusesOf(read.tasks),
    },
    problems: read.problems,
    identities: identitiesOfState(read),
  }
}

function identitiesOfState(read: ReturnType<typeof readMasterState>): Identity[] {
  const agents = [...read.agents, ...read.recovered]
  return identitiesOf(read.tasks, agents, [...read.frameworks, ...read.completed])
}

function agentState(value: unknown): Understood {
  const read = readAgentState(value)
  const all = read.executors.flatMap((executor) => executor.tasks)
  const told = openExecutors({}).update(read, read.hostname)
  return {
    counts: { executors: read.executors.length, tasks: all.length, statuses: statusesOf(all) },
    problems: read.problems,
    identities: [...told.tasks, ...told.containers],
    words: `of agent ${read.hostname ?? 'without a name'}`,
  }
}

function agents(value: unknown): Understood {
  const read = readAgents(value)
  const count = read.agents.length + read.recovered.length
  const holder = has(value, 'get_agents') ? value['get_agents'] : value
  const there = countIn(holder, 'slaves', 'recovered_slaves', 'agents', 'recovered_agents')
  return { counts: { agents: count }, problems: read.problems, listed: { there, read: count } }
}

function frameworks(value: unknown): Understood {
  const read = readFrameworks(value)
  const count = read.frameworks.length + read.completed.length
  const holder = has(value, 'get_frameworks') ? value['get_frameworks'] : value
  return {
    counts: { frameworks: count, ...(read.tasks.length > 0 ? { tasks: read.tasks.length } : {}) },
    problems: read.problems,
    identities: identitiesOf(read.tasks, [], [...read.frameworks, ...read.completed]),
    listed: { there: countIn(holder, 'frameworks', 'completed_frameworks'), read: count },
  }
}

function executors(value: unknown): Understood {
  const read = readExecutors(value)
  const identities = read.executors.flatMap((one) => executorIdentity(one, {}) ?? [])
  return { counts: { executors: read.executors.length }, problems: read.problems, identities }
}

function metrics(value: unknown): Understood {
  const read = readMetrics(value)
  const count = Object.keys(read.metrics).length
  return { counts: { metrics: count, samples: count > 0 ? 1 : 0 }, problems: read.problems }
}

function leader(value: unknown): Understood {
  const read = readMaster(value)
  const words = read.leader
    ? `the leader ${read.leader.hostname ?? read.leader.id ?? ''}`
    : undefined
  return { counts: {}, problems: read.problems, ...(words ? { words } : {}) }
}

const eventTypes = [
  'SUBSCRIBED',
  'TASK_ADDED',
  'TASK_UPDATED',
  'AGENT_ADDED',
  'AGENT_REMOVED',
  'FRAMEWORK_ADDED',
  'FRAMEWORK_UPDATED',
  'FRAMEWORK_REMOVED',
  'HEARTBEAT',
]

/** The events of a master's stream, in their order, and what the collector tells on. */
export function readEvents(records: readonly unknown[]): Understood {
  const read = records.map(readMasterEvent)
  const sink = { position: () => undefined, positions: () => [] }
  const cluster = openCluster({ name: 'mesos-master', sink })
  const nowMs = Number(someNs / 1_000_000n)
  const batches = read.flatMap(({ event }) => (event ? [cluster.event(event, nowMs)] : []))
  return {
    counts: {
      events: read.filter(isUnderstood).length,
      changes: batches.flatMap(({ changes = [] }) => changes).length,
      identities: batches.flatMap(({ tasks: told = [] }) => told).length,
    },
    problems: read.flatMap(({ problems }) => problems),
    identities: batches.flatMap(({ tasks: told = [] }) => told),
    listed: { there: records.length, read: read.filter(isUnderstood).length },
  }
}

const isUnderstood = ({ event }: EventRead) => event !== undefined

/** RecordIO, as it came; undefined where it is none. */
export function readRecordIo(bytes: Buffer): Understood | undefined {
  if (!/^\d+\n\s*\{/.test(bytes.toString('latin1', 0, 64))) return undefined
  const cut = openRecordIo()
  const records: Buffer[] = []
  // In pieces that fit nothing, as from a network.
  for (let at = 0; at < bytes.length; at += 997) records.push(...cut(bytes.subarray(at, at + 997)))
  return readEvents(records.map((record) => parseJson(record.toString('utf8'))))
}

const isContainer = (one: unknown) =>
  isRecord(one) &&
  (has(one, 'container_id') || has(one, 'executor_id')) &&
  // Each is left out where it could not be had.
  ['statistics', 'status', 'container_status', 'executor_name', 'source'].some((key) =>
    has(one, key),
  )
const isTask = (one: unknown) => has(one, 'id', 'statuses') || has(one, 'task_id', 'statuses')

const isMetrics = (value: unknown) =>
  isRecord(value) &&
  (Object.keys(value).some((name) => /^(master|slave|system|allocator|registrar)\//.test(name)) ||
    isNumbers(Object.entries(value)))

/** Other groups come and go with versions and isolators. */
const isNumbers = (entries: [name: string, value: unknown][]) =>
  entries.some(([name]) => /^[a-z_]+\/\w/.test(name)) &&
  entries.every(([, value]) => value === null || typeof value === 'number')

/** Of an agent: its frameworks hold executors, with the tasks in them; those of a master hold tasks. */
function isAgentState(value: unknown): boolean {
  if (!has(value, 'frameworks') || has(value, 'slaves') || has(value, 'unregistered_frameworks')) {
    return false
  }
  const list = Array.isArray(value['frameworks']) ? value['frameworks'] : []
  const isOfAgent = String(value['pid'] ?? '').startsWith('slave(')
  return isOfAgent || list.some((one) => has(one, 'executors') && !has(one, 'tasks'))
}

/** Kinds of answers of master and agent, the narrower ones first. */
export const mesosKinds: readonly Kind[] = [
  { fits: ofType('GET_CONTAINERS'), read: containers },
  { fits: ofType('GET_STATE'), read: stateV1 },
  { fits: ofType('GET_TASKS'), read: tasks },
  { fits: ofType('GET_AGENTS'), read: agents },
  { fits: ofType('GET_FRAMEWORKS'), read: frameworks },
  { fits: ofType('GET_EXECUTORS'), read: executors },
  { fits: ofType('GET_METRICS'), read: metrics },
  { fits: ofType('GET_MASTER'), read: leader },
  { fits: ofType(...eventTypes), read: (value) => readEvents([value]) },
  {
    fits: (value) => isListOf(value, ofType(...eventTypes)),
    read: (value) => readEvents(value as unknown[]),
  },
  { fits: (value) => isListOf(value, isContainer), read: containers },
  { fits: (value) => isListOf(value, isTask), read: tasks },
  { fits: isMetrics, read: metrics },
  { fits: (value) => has(value, 'slaves', 'frameworks'), read: masterState },
  { fits: (value) => has(value, 'slaves'), read: agents },
  { fits: isAgentState, read: agentState },
  { fits: (value) => has(value, 'frameworks'), read: frameworks },
  { fits: (value) => has(value, 'tasks') && Array.isArray(value['tasks']), read: tasks },
]
