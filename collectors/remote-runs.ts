import type { AgentState, MesosExecutor } from './mesos-state.ts'
import { containerOf } from './mesos-tasks.ts'
import type { SandboxRun } from './sandbox-folder.ts'

/** A sandbox, as an agent's `/state` tells of it. */
export interface ListedRun {
  run: SandboxRun
  /** Its executor has ended. */
  isOver: boolean
  /** Its executor runs one command task, which has its id. */
  isCommand: boolean
  /** Docker runs it: what it prints can be had from there as well. */
  isDockers: boolean
  /** Of its task, or of its pod. */
  labels: Record<string, string>
}

/** All that the agent lists: of executors that run or have ended, and of the containers of pods within them. */
export function runsIn(state: AgentState): ListedRun[] {
  return state.executors.flatMap((executor) => {
    const run = runOf(executor)
    if (!run) return []
    const isOver = executor.completed
    const isCommand = executor.tasks.some(({ id, executor: by }) => id === executor.id && !by)
    const isDockers = executor.tasks.some(({ containerizer }) => containerizer === 'DOCKER')
    const nested = nestedIn(executor, run).map((one) => ({ run: one, isCommand: false }))
    const [task] = executor.tasks
    const labels = (isCommand ? task?.labels : undefined) ?? executor.labels ?? {}
    const about = { isOver, isDockers, labels }
    return [{ run, isCommand, ...about }, ...nested.map((one) => ({ ...one, ...about }))]
  })
}

/** As its directory names it: `…/slaves/<agent>/frameworks/<id>/executors/<id>/runs/<container>`. */
function runOf({ directory = '' }: MesosExecutor): SandboxRun | undefined {
  const at = directory.lastIndexOf('/slaves/')
  const path = directory.slice(at + '/slaves/'.length)
  const [agentId, frameworks, frameworkId, executors, executorId, runs, containerId, more] =
    path.split('/')
  const isOne = frameworks === 'frameworks' && executors === 'executors' && runs === 'runs'
  if (at < 0 || !isOne || more !== undefined) return undefined
  if (!agentId || !frameworkId || !executorId || !containerId) return undefined
  return { path, dir: directory, agentId, frameworkId, executorId, containerId, parents: [] }
}

function nestedIn({ tasks }: MesosExecutor, run: SandboxRun): SandboxRun[] {
  const ids = new Set(
    tasks.flatMap((task) => {
      const { container, parent } = containerOf(task)
      return parent === run.containerId && container && !container.includes('/') ? [container] : []
    }),
  )
  return [...ids].map((containerId) => ({
    ...run,
    path: `${run.path}/containers/${containerId}`,
    dir: `${run.dir}/containers/${containerId}`,
    containerId,
    parents: [run.containerId],
  }))
}
