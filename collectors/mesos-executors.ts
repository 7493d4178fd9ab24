import type { Identity } from '../pipeline/identity.ts'
import { executedIdentity, executorIdentity } from './mesos-identity.ts'
import type { AgentState, MesosExecutor } from './mesos-state.ts'
import type { MesosContainer } from './mesos-statistics.ts'
import { containerOf } from './mesos-tasks.ts'

/** What an agent's `/state` told last of its executors. */
export interface Executors {
  /** Takes a new state; the identities that are new or have changed, of tasks and of executors' own containers. */
  update(
    state: AgentState,
    hostname: string | undefined,
  ): { tasks: Identity[]; containers: Identity[] }
  /** By the container's id, else by framework and executor. */
  find(container: MesosContainer): MesosExecutor | undefined
  /** Name of a framework. */
  framework(id: string | undefined): string | undefined
}

export function openExecutors({ cluster }: { cluster?: string | undefined }): Executors {
  let byContainer = new Map<string, MesosExecutor>()
  let byId = new Map<string, MesosExecutor>()
  let frameworks = new Map<string, string>()
  /** What was told of each task and container. */
  let told = new Map<string, string>()

  function newIdentities(state: AgentState, agent: string | undefined) {
    const before = told
    told = new Map()
    const around = (framework = '') => ({ cluster, agent, framework: frameworks.get(framework) })
    const isNew = (key: string, identity: Identity) => {
      const text = JSON.stringify(identity)
      const isOld = before.get(key) === text || told.get(key) === text
      told.set(key, text)
      return !isOld
    }
    const tasks = state.executors.flatMap((executor) =>
      executor.tasks.flatMap((task) => {
        const identity = executedIdentity(task, executor, around(task.framework))
        return isNew(`${task.framework} ${task.id}`, identity) ? [identity] : []
      }),
    )
    const containers = state.executors.flatMap((executor) => {
      const identity = executorIdentity(executor, around(executor.framework))
      if (!identity || isOfTask(executor)) return []
      return isNew(`container ${executor.container}`, identity) ? [identity] : []
    })
    return { tasks, containers }
  }

  /** A command task's executor is in the task's container. */
  const isOfTask = ({ id, container, tasks }: MesosExecutor) =>
    tasks.some((task) => {
      const own = containerOf(task).container
      return own === container || (own === undefined && task.id === id)
    })

  function put(container: string | undefined, executor: MesosExecutor): void {
    if (container !== undefined) byContainer.set(container, executor)
  }

  return {
    update(state, hostname) {
      byContainer = new Map()
      byId = new Map()
      frameworks = new Map(state.frameworks.flatMap(({ id, name }) => (name ? [[id, name]] : [])))
      // Those that run stand last, and win over ended ones of the same id.
      const ordered = state.executors.toSorted((a, b) => Number(b.completed) - Number(a.completed))
      for (const executor of ordered) {
        // A task may name another container than its executor, and it is the task's that is measured.
        for (const task of executor.tasks) put(containerOf(task).container, executor)
        put(executor.container, executor)
        byId.set(`${executor.framework} ${executor.id}`, executor)
      }
      return newIdentities(state, hostname)
    },
    find({ container, framework, executor }) {
      const exact = container === undefined ? undefined : byContainer.get(container)
      if (exact) return exact
      const named = byId.get(`${framework} ${executor}`)
      // An id may be used again: of another container it tells nothing.
      const isOther = container !== undefined && named?.container !== undefined
      return isOther ? undefined : named
    },
    framework: (id) => (id === undefined ? undefined : frameworks.get(id)),
  }
}
