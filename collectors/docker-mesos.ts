import { containerOfDockerName, marathonExecutor, marathonTask } from './mesos-task-id.ts'

/** What a Docker container tells of who it is for Mesos, beside Marathon's own names. */
export interface MesosParts {
  /** Mesos has started it: its name says nothing of its service or task. */
  isOfMesos: boolean
  service?: string | undefined
  task?: string | undefined
  /** Id of the framework. */
  framework?: string | undefined
}

/** Where Mesos' own things stand in a container's description. */
export interface MesosTraces {
  name: string | undefined
  env: (name: string) => string | undefined
  /** Folders of the host that are mounted, of inspect and of `config.v2.json`. */
  mounts: readonly string[]
  /** Of the label or of the environment; not every framework sets it. */
  task: string | undefined
}

/**
 * `<work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>`, as Mesos mounts it into each
 * container of its own. In `Binds` the folder within the container follows.
 */
const sandbox = /\/slaves\/[^/]+\/frameworks\/([^/]+)\/executors\/([^/]+)\/runs\/([^/:]+)(?::|$)/

/**
 * First found wins: Marathon's task id, the executor's id in the environment, that in the sandbox's path. Only by what
 * is of this container itself: anybody may mount the sandbox of another one.
 */
export function mesosParts({ name = '', env, mounts, task }: MesosTraces): MesosParts {
  const container =
    containerOfDockerName(name) ?? containerOfDockerName(env('MESOS_CONTAINER_NAME') ?? '')
  const own = mounts.flatMap((path) => {
    const [, framework, executor, run] = sandbox.exec(path) ?? []
    return run !== undefined && run === container ? [{ framework, executor }] : []
  })[0]
  const executor = env('MESOS_EXECUTOR_ID') ?? own?.executor
  const marathon = executor === undefined ? undefined : marathonExecutor(executor)
  const ofTask = task === undefined ? undefined : marathonTask(task)
  return {
    isOfMesos: container !== undefined,
    service: ofTask?.service ?? marathon?.service,
    task: task ?? marathon?.task,
    framework: env('MESOS_FRAMEWORK_ID') ?? own?.framework,
  }
}
