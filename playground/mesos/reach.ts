import type { Clock } from '../../pipeline/clock.ts'
import {
  terminalStates,
  type Agent,
  type MesosEvent,
  type Task,
  type TaskStateName,
  type TaskStatus,
} from './model.ts'

/** Which agents the master reaches: what happens on the others it hears of when they are back. */
export interface Reach {
  /** A new state of a task, told now or when its agent is back. */
  update(task: Task, status: TaskStatus): void
  lost(agent: Agent, tasks: readonly Task[]): void
  regained(agent: Agent, tasks: readonly Task[]): void
}

export interface ReachOptions {
  clock: Clock
  emit(event: MesosEvent): void
}

export function openReach({ clock, emit }: ReachOptions): Reach {
  /** By agent, those that are away. */
  const unheard = new Map<Agent, { task: Task; status: TaskStatus }[]>()
  const before = new Map<Task, TaskStateName>()

  function tell(task: Task, status: TaskStatus): void {
    task.statuses.push(status)
    task.state = status.state
    emit({ type: 'TASK_UPDATED', task, status })
  }

  function tellByMaster(task: Task, state: TaskStateName, reason: string, message: string): void {
    tell(task, { state, at: clock.now(), source: 'SOURCE_MASTER', reason, message })
  }

  return {
    update(task, status) {
      const held = unheard.get(task.agent)
      if (held) held.push({ task, status })
      else tell(task, status)
    },
    lost(agent, tasks) {
      if (unheard.has(agent)) return
      unheard.set(agent, [])
      agent.active = false
      const message = `Agent ${agent.hostname} is unreachable: health check timed out`
      for (const task of tasks.filter(({ state }) => !terminalStates.has(state))) {
        before.set(task, task.state)
        tellByMaster(task, 'TASK_UNREACHABLE', 'REASON_AGENT_REMOVED', message)
      }
    },
    regained(agent, tasks) {
      const held = unheard.get(agent)
      if (!held) return
      unheard.delete(agent)
      agent.active = true
      agent.reregisteredAt = clock.now()
      for (const task of tasks) {
        const state = before.get(task)
        if (!before.delete(task) || state === undefined) continue
        tellByMaster(task, state, 'REASON_AGENT_REREGISTERED', 'Agent re-registered')
      }
      for (const { task, status } of held) tell(task, status)
    },
  }
}
