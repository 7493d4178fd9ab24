import { constants } from 'node:os'
import type { ProcessExit } from '../launch.ts'
import type { Task, TaskSpec, TaskStatus } from './model.ts'

const mebibyte = 1024 * 1024
/** What Mesos adds to a command task for the executor that runs it, MiB. */
const executorMem = 32
/** Docker gets no less, whatever the task asks for, MiB. */
const leastDockerMem = 32

/** Bytes beyond which the kernel kills a task's processes: Docker's limit, or that of Mesos' cgroup. */
export function memoryLimit({ resources, container, executorId }: TaskSpec): number {
  if (container.type === 'DOCKER') return Math.max(resources.mem, leastDockerMem) * mebibyte
  const overhead = executorId === undefined ? executorMem : 0
  return (resources.mem + overhead) * mebibyte
}

export type Told = Omit<TaskStatus, 'at'>

export interface Ending {
  exit: ProcessExit
  /** A framework had asked for it. */
  killed: boolean
  oomKilled: boolean
}

/** What Mesos' executors, and its agent for a memory limit, tell of the end of a task's process. */
export function endingStatus(spec: TaskSpec, { exit, killed, oomKilled }: Ending): Told {
  const docker = spec.container.type === 'DOCKER'
  if (oomKilled && !docker) return memoryLimitation(memoryLimit(spec))
  const source = 'SOURCE_EXECUTOR'
  const message = docker ? `Container exited with status ${exit.code}` : commandMessage(exit)
  if (killed) return { state: 'TASK_KILLED', source, message }
  return { state: exit.code === 0 ? 'TASK_FINISHED' : 'TASK_FAILED', source, message }
}

/** The cgroup had no more than its limit when the kernel struck. */
function memoryLimitation(limit: number): Told {
  const mb = Math.trunc(limit / mebibyte)
  return {
    state: 'TASK_FAILED',
    source: 'SOURCE_AGENT',
    reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
    message:
      `Memory limit exceeded: Requested: ${mb}MB Maximum Used: ${mb}MB\n\n` +
      `MEMORY STATISTICS: \ncache 0\nrss ${limit}\nrss_huge 0\nmapped_file 0\nswap 0\n` +
      `inactive_anon 0\nactive_anon ${limit}\ninactive_file 0\nactive_file 0\nunevictable 0\n`,
  }
}

/** As the C library names signals. */
const signalNames: Partial<Record<NodeJS.Signals, string>> = {
  SIGHUP: 'Hangup',
  SIGINT: 'Interrupt',
  SIGQUIT: 'Quit',
  SIGILL: 'Illegal instruction',
  SIGTRAP: 'Trace/breakpoint trap',
  SIGABRT: 'Aborted',
  SIGBUS: 'Bus error',
  SIGFPE: 'Floating point exception',
  SIGKILL: 'Killed',
  SIGSEGV: 'Segmentation fault',
  SIGPIPE: 'Broken pipe',
  SIGTERM: 'Terminated',
}

/** `Command exited with status 1`, `Command terminated with signal Killed`. */
export function commandMessage({ code, signal }: ProcessExit): string {
  if (!signal) return `Command exited with status ${code}`
  const name = signalNames[signal] ?? `Unknown signal ${constants.signals[signal]}`
  return `Command terminated with signal ${name}`
}

/** The framework changed its mind before the task had a process. */
export const killedDuringLaunch: Told = {
  state: 'TASK_KILLED',
  source: 'SOURCE_AGENT',
  reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
  message: 'Task killed during launch',
}

/** `why`: `Failed to …`. */
export function launchFailed(why: string): Told {
  return {
    state: 'TASK_FAILED',
    source: 'SOURCE_AGENT',
    reason: 'REASON_CONTAINER_LAUNCH_FAILED',
    message: `Failed to launch container: ${why}`,
  }
}

/** An image, or a command, that is none of our services. */
export function noSuchProgram({ spec: { container }, containerId }: Task): Told {
  if (container.type === 'MESOS') {
    return launchFailed(
      `Failed to fetch all URIs for container '${containerId}': exited with status 1`,
    )
  }
  const { image } = container
  const repository = image.replace(/:[^:/]*$/, '')
  return launchFailed(
    `Failed to run 'docker -H unix:///var/run/docker.sock pull ${image}': exited with status 1; ` +
      `stderr='Error response from daemon: pull access denied for ${repository}, repository does not exist ` +
      `or may require 'docker login': denied: requested access to the resource is denied\n'`,
  )
}
