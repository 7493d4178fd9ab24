import type { Identity } from '../pipeline/identity.ts'
import { clean, withoutUnknown } from './docker-identity.ts'
import { labelIdentity } from './mesos-identity.ts'
import { marathonExecutor } from './mesos-task-id.ts'
import type { SandboxRun } from './sandbox-folder.ts'

export interface SandboxSurroundings {
  cluster?: string | undefined
  /** Host name of the agent. */
  agent: string
  /** The executor runs one command task, which has its id. */
  isCommand: boolean
  labels?: Readonly<Record<string, string>> | undefined
}

/**
 * Who writes to a sandbox, as far as its path tells. Names of directories are ids as Mesos has them, nothing is encoded:
 * where a framework puts `%2F` into an id, that is the id. The task of a pod's container and the service of other
 * frameworks than Marathon are known to Mesos alone, by the container.
 */
export function sandboxIdentity(
  run: SandboxRun,
  { cluster, agent, isCommand, labels = {} }: SandboxSurroundings,
): Identity {
  const { service, ...ofLabels } = labelIdentity(labels)
  const { executorId, frameworkId, parents } = run
  const marathon = marathonExecutor(executorId)
  const single = marathon?.task ?? (isCommand ? executorId : undefined)
  return withoutUnknown({
    cluster,
    service: service ?? clean(marathon?.service),
    task: parents.length === 0 ? clean(single) : undefined,
    container: containerName(run),
    agent,
    framework: clean(frameworkId),
    ...ofLabels,
  })
}

/** The id of a run's container, as it can stand in ids of ours; Mesos' own are kept as they are. */
export function containerName({ containerId }: SandboxRun): string {
  if (/^[\w.-]+$/.test(containerId)) return containerId
  return encodeURIComponent(containerId.toWellFormed())
}
