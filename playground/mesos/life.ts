import { pause } from '../../pipeline/clock.ts'
import { explain } from '../../pipeline/errors.ts'
import type { Order } from '../orders.ts'
import { endingStatus, killedDuringLaunch, launchFailed, type Told } from './ending.ts'
import type { Task, Usage } from './model.ts'
import type { Workload } from './workload.ts'

/** A task from the moment it is launched until it has ended and been forgotten. */
export interface Life {
  task: Task
  /** Undefined while it is staging and after its end. */
  pid(): number | undefined
  send(order: Order): Promise<void>
  /** See {@link MesosCluster.kill}. */
  kill(graceMs: number): void
  /** SIGKILL, which no framework asked for. */
  crash(): void
  /** SIGKILL for want of memory. */
  oom(): void
  measured(usage: Usage): void
  /** Its last status was told. */
  over: Promise<void>
  /** Removes what it left on disk. */
  remove(): Promise<void>
}

export interface LifeOptions {
  task: Task
  /** Pulling and fetching, ms. */
  stagingMs: number
  /** Undefined: it can be started. */
  refusal(): Told | undefined
  start(): Workload
  update(told: Told): void
  /** What a start that failed has left. */
  removeUnstarted(): Promise<void>
}

const byExecutor = 'SOURCE_EXECUTOR'

/** Begins it at once. */
export function liveTask(options: LifeOptions): Life {
  const { task, stagingMs, refusal, start, update } = options
  const launchKilled = new AbortController()
  let workload: Workload | undefined
  let alive = false
  let killed = false
  let oomKilled = false
  let patience: NodeJS.Timeout | undefined

  async function live(): Promise<void> {
    await pause(stagingMs, launchKilled.signal)
    if (killed) return update(killedDuringLaunch)
    const refused = refusal()
    if (refused) return update(refused)
    update({ state: 'TASK_STARTING', source: byExecutor })
    // Whoever was told of that may have changed his mind.
    if (killed) return update(killedDuringLaunch)
    try {
      workload = start()
    } catch (error) {
      return update(launchFailed(explain(error)))
    }
    await watch(workload)
  }

  async function watch(running: Workload): Promise<void> {
    alive = true
    if (running.pid > 0) task.pid = running.pid
    update({ state: 'TASK_RUNNING', source: byExecutor })
    const exit = await running.exited
    alive = false
    clearTimeout(patience)
    task.exit = { ...exit, oomKilled }
    update(endingStatus(task.spec, { exit, killed, oomKilled }))
  }

  function kill(graceMs: number): void {
    if (killed) return
    killed = true
    if (!workload) return launchKilled.abort()
    if (!alive) return
    update({ state: 'TASK_KILLING', source: byExecutor })
    workload.stop('SIGTERM')
    patience = setTimeout(() => workload?.stop('SIGKILL'), graceMs)
  }

  return {
    task,
    pid: () => (alive ? task.pid : undefined),
    send: async (order) => {
      if (alive) await workload?.send(order)
    },
    kill,
    crash: () => {
      if (alive) workload?.killFromOutside()
    },
    oom: () => {
      if (!alive || oomKilled) return
      oomKilled = true
      workload?.oomKill()
    },
    measured(usage) {
      task.usage = usage
      workload?.measured(usage)
    },
    over: live(),
    remove: () => (workload ? workload.remove() : options.removeUnstarted()),
  }
}
