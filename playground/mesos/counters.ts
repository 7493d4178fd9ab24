import type { MesosCluster, MesosEvent, TaskStatus } from './model.ts'
import { isTerminal } from './executors.ts'
import { terminalStates } from './model.ts'

/** What a master or agent has counted since it started, or since it leads. */
export interface Counters {
  /** Ended tasks by state (`TASK_FAILED`), and by framework and state (`<framework id> TASK_FAILED`). */
  ended: Map<string, number>
  /** `task_failed/source_executor/reason_command_executor_failed` */
  reasons: Map<string, number>
  statusUpdates: number
  launches: number
}

export interface Counting {
  counters(): Counters
  close(): void
}

/**
 * Counts what the cluster tells for as long as `counts` says so; from the moment it does not, all is zero again, as it is
 * with a master that comes to lead.
 */
export function openCounting(
  cluster: MesosCluster,
  counts: (event?: MesosEvent) => boolean,
): Counting {
  let counters = none()
  const end = cluster.onEvent((event) => {
    if (event.type === 'TASK_ADDED' && counts(event)) counters.launches++
    if (event.type === 'TASK_UPDATED' && counts(event)) countStatus(counters, event)
  })
  return {
    counters() {
      if (!counts()) counters = none()
      return counters
    },
    close: end,
  }
}

function none(): Counters {
  return { ended: new Map(), reasons: new Map(), statusUpdates: 0, launches: 0 }
}

function countStatus(counters: Counters, event: MesosEvent & { type: 'TASK_UPDATED' }): void {
  const { status, task } = event
  counters.statusUpdates++
  if (!terminalStates.has(status.state) || !isTerminal(task)) return
  increment(counters.ended, status.state)
  increment(counters.ended, `${task.spec.framework.id} ${status.state}`)
  if (status.reason !== undefined) increment(counters.reasons, reasonMetric(status))
}

/** Metrics still say slave where statuses say agent. */
function reasonMetric({ state, source, reason }: TaskStatus): string {
  const from = source.replace('AGENT', 'SLAVE').toLowerCase()
  return `${state.toLowerCase()}/${from}/${(reason as string).toLowerCase()}`
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
