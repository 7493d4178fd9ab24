import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { explain } from '../../pipeline/errors.ts'
import type { Clock } from '../../pipeline/clock.ts'
import type { Logger } from '../../pipeline/log.ts'
import type { Rotation } from '../docker-config.ts'
import type { DockerEngine } from '../docker/engine.ts'
import { copyOutput, exitOf, launch, sender, type ProcessExit } from '../launch.ts'
import type { Order, Ready } from '../orders.ts'
import { checkpointExecutor, type Checkpoint } from './checkpoint.ts'
import { commandMessage, memoryLimit } from './ending.ts'
import type { Task, Usage } from './model.ts'
import { openSandbox, removeSandbox, type Sandbox } from './sandbox.ts'
import { taskEnv } from './task-env.ts'

/** The process of a task, whichever containerizer runs it. */
export interface Workload {
  /** 0 if it could not be started. */
  pid: number
  send(order: Order): Promise<void>
  /** As Mesos does when a framework asks for it. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): void
  /** SIGKILL by somebody else. */
  killFromOutside(): void
  /** SIGKILL, as by the kernel for want of memory. */
  oomKill(): void
  measured(usage: Usage): void
  /** After its last line was written. */
  exited: Promise<ProcessExit>
  /** Removes what it left on disk; nothing else may be using it. */
  remove(): Promise<void>
}

export interface WorkloadOptions {
  argv: readonly [string, ...string[]]
  /** Beyond what the task is given; nobody sees it. */
  privateEnv: string[]
  engine: DockerEngine
  rotation: Rotation
  clock: Clock
  log: Logger
  onReady(ready: Ready): void
}

/** Starts the process of a task. Throws what the disk throws; nothing runs then. */
export function startWorkload(task: Task, options: WorkloadOptions): Workload {
  const sandbox = openSandbox({ dir: task.sandbox, ...options.rotation, clock: options.clock })
  try {
    // That of a pod is the pod's.
    const checkpoint = task.parentContainerId === undefined ? checkpointOf(task) : undefined
    if (task.spec.resident) linkVolume(task)
    const workload =
      task.spec.container.type === 'DOCKER'
        ? startDocker(task, sandbox, options)
        : startCommand(task, sandbox, options)
    return checkpoint ? checkpointed(workload, checkpoint) : workload
  } catch (error) {
    sandbox.close()
    throw error
  }
}

function checkpointOf({ agent, executorId, containerId, spec }: Task): Checkpoint {
  const { framework, container, labels } = spec
  const place = { frameworkId: framework.id, executorId, containerId }
  return checkpointExecutor(agent, {
    ...place,
    isCommand: true,
    container: container.type,
    labels,
  })
}

function checkpointed(workload: Workload, checkpoint: Checkpoint): Workload {
  return {
    ...workload,
    exited: workload.exited.then((exit) => {
      checkpoint.end()
      return exit
    }),
    async remove() {
      await workload.remove()
      await checkpoint.remove()
    },
  }
}

function startDocker(task: Task, sandbox: Sandbox, options: WorkloadOptions): Workload {
  const { spec, containerId } = task
  const { engine, argv, privateEnv, onReady } = options
  if (spec.container.type !== 'DOCKER') throw new TypeError(`${spec.id} is no Docker task`)
  sandbox.say('exec.cpp:164', 'Version: 1.11.0')
  sandbox.say('exec.cpp:237', `Executor registered on agent ${task.agent.id}`)
  sandbox.say('docker.cpp:165', `Starting task ${spec.id}`)
  const run = engine.run({
    name: `mesos-${containerId}`,
    image: spec.container.image,
    argv,
    privateEnv,
    onReady,
    env: taskEnv(task),
    labels: spec.container.labels,
    limits: { cpus: spec.resources.cpus, memory: memoryLimit(spec) },
    cwd: sandbox.dir,
    sandbox: sandbox.dir,
    // The executor is attached to the container, so that what it prints is in the sandbox as well.
    onOutput: sandbox.write,
  })
  task.docker = { id: run.id, name: `mesos-${containerId}` }
  return {
    ...run,
    exited: run.exited.then((code) => {
      sandbox.close()
      return { code }
    }),
    measured: (usage) => engine.measured(run.id, usage),
    async remove() {
      await engine.remove(run.id)
      await removeDirectory(sandbox.dir, options.log)
    },
  }
}

function startCommand(task: Task, sandbox: Sandbox, options: WorkloadOptions): Workload {
  const { spec } = task
  const nested = task.parentContainerId !== undefined
  if (!nested) {
    sandbox.say('exec.cpp:164', 'Version: 1.11.0')
    sandbox.say('exec.cpp:237', `Executor registered on agent ${task.agent.id}`)
    sandbox.say('executor.cpp:190', 'Received SUBSCRIBED event')
    sandbox.say('executor.cpp:194', `Subscribed executor on ${task.agent.hostname}`)
    sandbox.say('executor.cpp:190', 'Received LAUNCH event')
    sandbox.say('executor.cpp:722', `Starting task ${spec.id}`)
  }
  const env = [...taskEnv(task), ...options.privateEnv]
  const child = launch(options.argv, env, sandbox.dir)
  const pid = child.pid ?? 0
  if (!nested) sandbox.say('executor.cpp:740', `Forked command at ${pid}`)
  copyOutput(child, { write: sandbox.write, end: () => {} }, (error) =>
    options.log.error({ task: spec.id }, explain(error)),
  )
  child.on('message', (message) => options.onReady(message as Ready))
  const kill = (signal: 'SIGTERM' | 'SIGKILL') => void child.kill(signal)
  return {
    pid,
    send: sender(child),
    stop(signal) {
      if (!nested && signal === 'SIGTERM') {
        sandbox.say('executor.cpp:190', 'Received KILL event')
        sandbox.say('executor.cpp:863', `Sending SIGTERM to process tree at pid ${pid}`)
      }
      kill(signal)
    },
    killFromOutside: () => kill('SIGKILL'),
    oomKill: () => kill('SIGKILL'),
    measured: () => {},
    exited: exitOf(child).then((exit) => {
      if (!nested) sandbox.say('executor.cpp:1041', `${commandMessage(exit)} (pid: ${pid})`)
      sandbox.close()
      return exit
    }),
    remove: () => removeDirectory(sandbox.dir, options.log),
  }
}

/** The volume outlives its tasks: those of one instance, whose ids differ in the number at their end alone, share it. */
function linkVolume({ spec, agent, sandbox }: Task): void {
  const instance = spec.id.replace(/\.\d+$/, '')
  const { role } = spec.framework
  const volume = join(agent.workDir, 'volumes', 'roles', role.replaceAll('*', '_'), instance)
  mkdirSync(volume, { recursive: true })
  rmSync(join(sandbox, 'data'), { force: true })
  symlinkSync(volume, join(sandbox, 'data'))
}

/** A sandbox. Never throws: what cannot be removed is told. */
export async function removeDirectory(dir: string, log: Logger): Promise<void> {
  await removeSandbox(dir).catch((error: unknown) => {
    log.warn(`cannot remove ${dir}: ${explain(error)}`)
  })
}
