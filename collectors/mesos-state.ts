import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { partOf, type Part, type Problem } from './answer.ts'
import { agentsIn, type MesosAgent } from './mesos-agents.ts'
import { frameworksIn, type MesosFramework } from './mesos-frameworks.ts'
import { tasksIn, type MesosTask } from './mesos-tasks.ts'
import { idOf, labelsOf, timeOf } from './mesos-values.ts'

/** What a master tells of the whole cluster. */
export interface MasterState {
  version?: string
  /** Id of the master, new with each of its starts. */
  id?: string
  hostname?: string
  cluster?: string
  /** `master@10.0.0.1:5050` */
  leader?: string
  electedNs?: bigint
  agents: MesosAgent[]
  recovered: MesosAgent[]
  frameworks: MesosFramework[]
  completed: MesosFramework[]
  tasks: MesosTask[]
  executors: MesosExecutor[]
  problems: Problem[]
}

/** The master's `/state` and `/state-summary`, and the operator API's GET_STATE of a master. Never throws. */
export function readMasterState(answer: unknown): MasterState {
  const problems: Problem[] = []
  const part = partOf(answer, problems)
  const v1 = part?.part('get_state')
  const state = v1 ? stateOfV1(v1) : part && stateOfV0(part)
  return { ...(state ?? nothing), problems }
}

const nothing = {
  agents: [],
  recovered: [],
  frameworks: [],
  completed: [],
  tasks: [],
  executors: [],
}

function stateOfV0(part: Part): Omit<MasterState, 'problems'> {
  if (!part.has('slaves', 'frameworks')) part.note('neither agents nor frameworks')
  const { tasks, ...frameworks } = frameworksIn(part)
  return {
    ...withoutUndefined({
      version: part.text('version'),
      id: part.text('id'),
      hostname: part.text('hostname'),
      cluster: part.text('cluster'),
      leader: part.text('leader'),
      electedNs: timeOf(part, 'elected_time'),
    }),
    ...agentsIn(part),
    ...frameworks,
    // Before 1.0: tasks whose framework had not come back to the master.
    tasks: [...tasks, ...tasksIn(part)],
    executors: [],
  }
}

/** Also the snapshot at the beginning of a stream of events. */
export function stateOfV1(part: Part): Omit<MasterState, 'problems'> {
  if (!part.has('get_agents', 'get_frameworks', 'get_tasks')) part.note('no part of a state')
  const agents = part.part('get_agents')
  const frameworks = part.part('get_frameworks')
  const tasks = part.part('get_tasks')
  const executors = part.part('get_executors')
  const none = { agents: [], recovered: [] }
  return {
    ...(agents ? agentsIn(agents) : none),
    ...(frameworks ? frameworksIn(frameworks) : { frameworks: [], completed: [] }),
    tasks: tasks ? tasksIn(tasks) : [],
    executors: executors ? executorsIn(executors) : [],
  }
}

/** What runs tasks on an agent: one of its own for a command task, one for all tasks of a pod. */
export interface MesosExecutor {
  id: string
  framework?: string
  /** Mesos' container id; only the agent's `/state` tells it. */
  container?: string
  name?: string
  /** Its sandbox on the agent's disk; only the agent's `/state` tells it. */
  directory?: string
  labels: Record<string, string>
  /** Those that are known, also ended ones. */
  tasks: MesosTask[]
  completed: boolean
}

/** What an agent tells of itself. */
export interface AgentState {
  id?: string
  hostname?: string
  version?: string
  executors: MesosExecutor[]
  frameworks: MesosFramework[]
  problems: Problem[]
}

/** The agent's `/state`. Never throws. */
export function readAgentState(answer: unknown): AgentState {
  const problems: Problem[] = []
  const part = partOf(answer, problems)
  if (!part) return { executors: [], frameworks: [], problems }
  if (!part.has('frameworks')) part.note('no list of frameworks')
  const frameworks = [
    ...(part.parts('frameworks') ?? []),
    ...(part.parts('completed_frameworks') ?? []),
  ]
  const { frameworks: live, completed } = frameworksIn(part)
  return {
    ...withoutUndefined({
      id: part.text('id'),
      hostname: part.text('hostname'),
      version: part.text('version'),
    }),
    executors: frameworks.flatMap((framework) => executorsIn(framework, idOf(framework, 'id'))),
    frameworks: [...live, ...completed],
    problems,
  }
}

/** GET_EXECUTORS of master and agent. Never throws. */
export function readExecutors(answer: unknown): {
  executors: MesosExecutor[]
  problems: Problem[]
} {
  const problems: Problem[] = []
  const holder = partOf(answer, problems)?.part('get_executors')
  if (!holder && problems.length === 0) problems.push({ path: '$', problem: 'no get_executors' })
  return { executors: holder ? executorsIn(holder) : [], problems }
}

function executorsIn(holder: Part, framework?: string): MesosExecutor[] {
  const list = (key: string, completed: boolean) =>
    (holder.parts(key) ?? []).flatMap((part) => readExecutor(part, completed, framework) ?? [])
  return [...list('executors', false), ...list('completed_executors', true)]
}

function readExecutor(
  part: Part,
  completed: boolean,
  framework: string | undefined,
): MesosExecutor | undefined {
  const info = part.part('executor_info') ?? part
  const id = idOf(info, 'executor_id', 'id')
  if (id === undefined) {
    part.note('an executor without an id')
    return undefined
  }
  const of = withoutUndefined({ framework: framework ?? idOf(info, 'framework_id') })
  return {
    ...of,
    ...withoutUndefined({
      container: part.text('container'),
      name: info.text('name'),
      directory: part.text('directory'),
    }),
    id,
    labels: labelsOf(info),
    // What a task does not tell, the place tells where it stands.
    tasks: tasksIn(part).map((task) => ({ ...of, ...task })),
    completed,
  }
}
