import { join } from 'node:path'
import { sum, taskAmount, type Amount } from './json/resources.ts'
import { terminalStates, type Agent, type Framework, type Task } from './model.ts'

/** What runs tasks on an agent: one of its own for each command task, one for all tasks of a pod. */
export interface Executor {
  id: string
  framework: Framework
  agent: Agent
  containerId: string
  /** It has containers of its own below it. */
  pod: boolean
  tasks: Task[]
}

export function isTerminal(task: Task): boolean {
  return terminalStates.has(task.state)
}

/** Known to the master, but not heard of: such a task may come back. */
export function isUnreachable(task: Task): boolean {
  return task.state === 'TASK_UNREACHABLE'
}

/** An agent knows nothing of what the master told of a task by itself: that it was lost, or is back. */
export function asAgentKnows(task: Task): Task {
  const statuses = task.statuses.filter(({ source }) => source !== 'SOURCE_MASTER')
  if (statuses.length === task.statuses.length) return task
  return { ...task, statuses, state: statuses.at(-1)?.state ?? 'TASK_STAGING' }
}

/** In the order in which their first tasks come. */
export function executorsOf(tasks: readonly Task[]): Executor[] {
  const byContainer = new Map<string, Executor>()
  for (const task of tasks) {
    const containerId = task.parentContainerId ?? task.containerId
    const known = byContainer.get(containerId)
    if (known) known.tasks.push(task)
    else byContainer.set(containerId, executorOf(task, containerId))
  }
  return [...byContainer.values()]
}

function executorOf(task: Task, containerId: string): Executor {
  const { spec, agent } = task
  const pod = spec.executorId !== undefined
  return { id: task.executorId, framework: spec.framework, agent, containerId, pod, tasks: [task] }
}

/** One of its tasks at least has not ended. */
export function isLive({ tasks }: Executor): boolean {
  return tasks.some((task) => !isTerminal(task))
}

/** What Mesos adds for the executor itself: its own for a command task, Marathon's for a pod. */
export function executorShare({ pod }: Executor): Amount {
  return { cpus: 0.1, mem: 32, disk: pod ? 10 : 0, ports: [] }
}

/** What the tasks that have not ended hold, with the executors of pods, which the master knows of. */
export function usedBy(tasks: readonly Task[]): Amount {
  const live = tasks.filter((task) => !isTerminal(task) && !isUnreachable(task))
  const pods = executorsOf(live).filter(({ pod }) => pod)
  return sum([...live.map(taskAmount), ...pods.map(executorShare)])
}

/** What an executor's container is given: its own share and that of the tasks that have not ended. */
export function containerAmount(executor: Executor): Amount {
  const live = executor.tasks.filter((task) => !isTerminal(task))
  return sum([executorShare(executor), ...live.map(taskAmount)])
}

/** `<work_dir>/slaves/…/runs/<container id>`: the sandbox of a command task, the one above those of a pod's. */
export function executorDirectory(executor: Executor): string {
  return join(executorRuns(executor), executor.containerId)
}

/** The folder of all its runs. */
export function executorRuns({ agent, framework, id }: Executor): string {
  const { workDir } = agent
  return join(workDir, 'slaves', agent.id, 'frameworks', framework.id, 'executors', id, 'runs')
}

/** As the agent names it, with what is run. */
export function executorName({ id, pod, tasks }: Executor): string {
  const spec = tasks[0]?.spec
  if (pod || spec === undefined) return ''
  const { container, program } = spec
  const command = `node ${program}.ts`
  const shown = command.length > 15 ? `${command.slice(0, 12)}...` : command
  const run = container.type === 'DOCKER' ? 'NO EXECUTABLE' : `sh -c '${shown}'`
  return `Command Executor (Task: ${id}) (Command: ${run})`
}
