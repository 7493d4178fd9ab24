import type { TaskState } from '../pipeline/service-state.ts'
import type { ServiceView, TaskView } from './api.ts'
import { newestSteps, newestValue } from './charts.ts'
import type { WholeRange } from './params.ts'
import { distributed } from './series.ts'
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
  return told.map((task) => ({ ...task, ...measured.get(task.task) }))
}

const shown = ['cpu', 'memory'] as const

/** The newest CPU and memory of each task. */
async function measuredTasks(
  { store, signals = {}, timed }: Context,
  service: string,
  { to }: WholeRange,
) {
  const measured = new Map<string, Pick<TaskView, 'cpu' | 'memory'>>()
  for (const name of shown) {
    const facts = signals[name]
    if (!facts) continue
    const of = { by: ['task'] as const, services: [service] }
    const query = { ...newestSteps(to), ...of, ...distributed(facts) }
    const steps = await timed('series', () => store.series(name, query))
    for (const [task, ours] of Map.groupBy(steps, ({ group }) => group.task ?? '')) {
      const value = newestValue(facts, ours, to)
      if (value !== undefined) measured.set(task, { ...measured.get(task), [name]: value })
    }
  }
  return measured
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
