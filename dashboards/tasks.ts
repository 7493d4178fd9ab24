import type { SignalBucket } from '../pipeline/event.ts'
import type { TaskState } from '../pipeline/service-state.ts'
import type { ServiceView, TaskView } from './api.ts'
import { newestSteps, newestValue } from './charts.ts'
import type { WholeRange } from './params.ts'
import type { Context } from './server.ts'

/** The instances of a service: as Marathon tells them, else those that wrote lately. */
export async function tasksOf(
  context: Context,
  { service, tasks }: ServiceView,
  range: WholeRange,
): Promise<TaskView[]> {
  const facts = context.serviceFacts?.().find((one) => one.service === service)
  const measured = await measuredTasks(context, service, range)
  const told: TaskView[] = facts
    ? facts.tasks.map(viewOf)
    : tasks.map((task) => ({ task, state: 'unknown' }))
  return told.map((task) => ({ ...task, ...measured(task.task) }))
}

const shown = ['cpu', 'memory'] as const

async function measuredTasks(context: Context, service: string, range: WholeRange) {
  const { store, signals = {}, timed } = context
  const byTask = new Map<string, Map<string, SignalBucket[]>>()
  for (const name of shown) {
    if (!signals[name]) continue
    const query = { ...newestSteps(range.to), by: ['task'] as const, services: [service] }
    const steps = await timed('series', () => store.series(name, query))
    const ours = steps.filter(({ group }) => group.task)
    byTask.set(
      name,
      Map.groupBy(ours, ({ group }) => group.task as string),
    )
  }
  return (task: string) =>
    Object.fromEntries(
      shown.flatMap((name) => {
        const value = newestValue(
          signals[name] ?? { measure: 'avg' },
          byTask.get(name)?.get(task) ?? [],
          range.to,
        )
        return value === undefined ? [] : [[name, value]]
      }),
    )
}

function viewOf({ id, state, agent, version, healthy, startedMs }: TaskState): TaskView {
  return {
    task: id,
    state,
    ...(agent !== undefined && { agent }),
    ...(version !== undefined && { version }),
    ...(healthy !== undefined && { healthy }),
    ...(startedMs !== undefined && { startedMs }),
  }
}
