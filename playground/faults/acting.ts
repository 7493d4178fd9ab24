import { Trouble } from '../../pipeline/errors.ts'
import type { Cluster } from '../mesos/cluster.ts'
import type { Task } from '../mesos/model.ts'
import { serviceOf } from '../task-view.ts'
import type { ActedFault, Order } from '../orders.ts'

/** Ends what was begun. */
export type End = () => Promise<void>

/** What services act out when they are told to. */
export interface Acting {
  /** All instances of the service, also those that start later. */
  all(service: string, fault: ActedFault, amount?: number): Promise<End>
  /** So many of its instances, the oldest first. */
  some(service: string, count: number, fault: ActedFault, amount?: number): Promise<End>
  /** So many of its instances are killed with SIGKILL, the oldest first. */
  kill(service: string, count: number): void
}

export function openActing(cluster: Cluster): Acting {
  const lasting = new Set<{ service: string; order: Order }>()

  cluster.onReady((task) => {
    for (const { service, order } of lasting) {
      if (serviceOf(task) === service) void cluster.send(task.spec.id, order)
    }
  })

  /** Throws where nothing runs that could have the fault. */
  function running(service: string): Task[] {
    const tasks = cluster
      .tasks()
      .filter((task) => task.state === 'TASK_RUNNING' && serviceOf(task) === service)
    if (tasks.length > 0) return tasks
    throw new Trouble(`no instance of ${service} is running`, {
      remedy: 'try again in a few seconds, when Marathon has started one',
      retryable: true,
    })
  }

  async function tell(tasks: Task[], order: Order): Promise<void> {
    await Promise.all(tasks.map(({ spec }) => cluster.send(spec.id, order)))
  }

  return {
    async all(service, fault, amount) {
      const order = orderOf(fault, amount)
      const tasks = running(service)
      const entry = { service, order }
      lasting.add(entry)
      await tell(tasks, order)
      return async () => {
        lasting.delete(entry)
        const now = cluster.tasks().filter((task) => serviceOf(task) === service)
        await tell(now, { kind: 'fault', fault, on: false })
      }
    },
    async some(service, count, fault, amount) {
      const tasks = running(service).slice(0, count)
      await tell(tasks, orderOf(fault, amount))
      return () => tell(tasks, { kind: 'fault', fault, on: false })
    },
    kill(service, count) {
      for (const { spec } of running(service).slice(0, count)) cluster.crash(spec.id)
    },
  }
}

function orderOf(fault: ActedFault, amount: number | undefined): Order {
  return { kind: 'fault', fault, on: true, ...(amount === undefined ? {} : { amount }) }
}
