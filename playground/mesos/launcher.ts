import { setMaxListeners } from 'node:events'
import { pause, type Clock } from '../../pipeline/clock.ts'
import type { Logger } from '../../pipeline/log.ts'
import type { Rotation } from '../docker-config.ts'
import type { Ready } from '../orders.ts'
import type { Programs } from '../programs.ts'
import { noSuchProgram, type Told } from './ending.ts'
import type { Host } from './hosts.ts'
import { liveTask, type Life } from './life.ts'
import type { Task, TaskSpec } from './model.ts'
import { checkId, newTask } from './new-task.ts'
import { openPod } from './pod.ts'
import { removeDirectory, startWorkload } from './workload.ts'

/** Brings tasks to life and forgets them some time after their end. */
export interface Launcher {
  /** One task, or all of a pod. Throws a Trouble where the agent has not got the resources; nothing is launched then. */
  launch(host: Host, specs: TaskSpec[]): Task[]
  /** Of the tasks whose files are still there. */
  life(task: Task): Life | undefined
  lives(): Life[]
  /** Ends all. */
  close(): Promise<void>
}

export interface LauncherOptions {
  programs: Programs
  seed: string
  rotation: Rotation
  /** Between these, ms. */
  stagingMs: [number, number]
  keepEndedMs: number
  chance(): number
  clock: Clock
  log: Logger
  update(task: Task, told: Told): void
  onReady(task: Task, ready: Ready): void
}

const stopWithinMs = 2000

export function openLauncher(options: LauncherOptions): Launcher {
  const { rotation, clock, log } = options
  const lives = new Map<Task, Life>()
  const closing = new AbortController()
  setMaxListeners(0, closing.signal)
  let launched = 0

  function launch(host: Host, specs: TaskSpec[]): Task[] {
    for (const spec of specs) checkId(spec)
    const taken = host.ledger.take(specs)
    const pod = openPod({ host, specs, rotation, clock, log })
    const stagingMs = staging()
    const group = specs.map((spec, index) => {
      const task = newTask(host.agent, spec, taken.ports[index] ?? [], pod?.id)
      const life = begin(task, host, stagingMs)
      lives.set(task, life)
      void life.over.then(() => taken.release(index))
      return life
    })
    pod?.watch(group)
    void Promise.all(group.map(forget)).then(() => {
      if (!closing.signal.aborted) void pod?.remove()
    })
    return group.map(({ task }) => task)
  }

  function begin(task: Task, { engine }: Host, stagingMs: number): Life {
    const argv = options.programs(task.spec.program)
    const privateEnv = [`PLAYGROUND_SEED=${options.seed}/${launched++}`]
    const onReady = (ready: Ready) => options.onReady(task, ready)
    return liveTask({
      task,
      stagingMs,
      refusal: () => (argv ? undefined : noSuchProgram(task)),
      start: () =>
        startWorkload(task, {
          argv: argv ?? [''],
          privateEnv,
          engine,
          rotation,
          clock,
          log,
          onReady,
        }),
      update: (told) => options.update(task, told),
      removeUnstarted: () => removeDirectory(task.sandbox, log),
    })
  }

  function staging(): number {
    const [from, to] = options.stagingMs
    return from + options.chance() * (to - from)
  }

  /** Late readers find what it left for a while; what is there at closing stays. */
  async function forget(life: Life): Promise<void> {
    await life.over
    await pause(options.keepEndedMs, closing.signal)
    if (closing.signal.aborted) return
    lives.delete(life.task)
    await life.remove()
  }

  return {
    launch,
    life: (task) => lives.get(task),
    lives: () => [...lives.values()],
    async close() {
      closing.abort()
      const left = [...lives.values()]
      for (const life of left) life.kill(stopWithinMs)
      await Promise.all(left.map(({ over }) => over))
    },
  }
}
