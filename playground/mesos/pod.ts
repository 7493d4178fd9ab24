import { randomUUID } from 'node:crypto'
import type { Clock } from '../../pipeline/clock.ts'
import { explain } from '../../pipeline/errors.ts'
import type { Logger } from '../../pipeline/log.ts'
import type { Rotation } from '../docker-config.ts'
import type { Host } from './hosts.ts'
import type { Life } from './life.ts'
import type { TaskSpec } from './model.ts'
import { checkpointExecutor, type Checkpoint } from './checkpoint.ts'
import { openSandbox, removeSandbox, sandboxPath, type Sandbox } from './sandbox.ts'

/** The default executor of a pod: a container of its own, with those of the tasks below it. */
export interface Pod {
  /** Of its container. */
  id: string
  /** One that fails takes the others with it, and with the last one the executor ends. */
  watch(lives: readonly Life[]): void
  /** Removes what it left on disk, its tasks' sandboxes as well. */
  remove(): Promise<void>
}

export interface PodOptions {
  host: Host
  specs: readonly TaskSpec[]
  rotation: Rotation
  clock: Clock
  log: Logger
}

const graceMs = 3000

/** Undefined for command tasks. */
export function openPod({ host, specs, rotation, clock, log }: PodOptions): Pod | undefined {
  const [first] = specs
  if (first?.executorId === undefined) return undefined
  const id = randomUUID()
  const place = {
    workDir: host.agent.workDir,
    agentId: host.agent.id,
    frameworkId: first.framework.id,
    executorId: first.executorId,
    containerId: id,
  }
  const dir = sandboxPath(place)
  let sandbox: Sandbox | undefined
  let checkpoint: Checkpoint | undefined
  try {
    sandbox = openSandbox({ dir, ...rotation, clock })
    checkpoint = checkpointExecutor(host.agent, {
      ...place,
      isCommand: false,
      container: 'MESOS',
    })
  } catch (error) {
    // Its tasks will fail of the same, and tell.
    log.error(`cannot write ${dir}: ${explain(error)}`)
  }
  sandbox?.say('executor.cpp:201', 'Version: 1.11.0')
  sandbox?.say('default_executor.cpp:203', 'Received SUBSCRIBED event')
  sandbox?.say('default_executor.cpp:207', `Subscribed executor on ${host.agent.hostname}`)
  sandbox?.say('default_executor.cpp:203', 'Received LAUNCH_GROUP event')

  return {
    id,
    watch(lives) {
      for (const life of lives) {
        void life.over.then(() => {
          const { spec, containerId, exit } = life.task
          const status = exit ? `exited with status ${exit.code}` : 'was not started'
          sandbox?.say(
            'default_executor.cpp:975',
            `Child container ${id}.${containerId} of task '${spec.id}' ${status}`,
          )
          if (exit?.code === 0) return
          for (const other of lives) other.kill(graceMs)
        })
      }
      void Promise.all(lives.map(({ over }) => over)).then(() => {
        sandbox?.say('default_executor.cpp:1142', 'Terminating after 1secs')
        sandbox?.close()
        checkpoint?.end()
      })
    },
    async remove() {
      await removeSandbox(dir).catch((error: unknown) => {
        log.warn(`cannot remove ${dir}: ${explain(error)}`)
      })
      await checkpoint?.remove()
    },
  }
}
