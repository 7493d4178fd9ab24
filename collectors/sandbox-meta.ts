import { accessSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { clean } from './docker-identity.ts'
import { protobufEntries, protobufFields, protobufText } from './protobuf-fields.ts'
import type { SandboxRun } from './sandbox-folder.ts'

/** What an agent wrote down of the executor of a run. */
export interface ExecutorFacts {
  /** It runs one command task, which has its id. */
  isCommand: boolean
  /** Whose containerizer runs it. */
  containerizer: 'DOCKER' | 'MESOS'
  /** Of the task, or of the pod; absent where there are none. */
  labels?: Record<string, string>
}

/**
 * What an agent writes below `<work_dir>/meta` to know its tasks again after a restart. It does so for all frameworks that
 * ask for it (`checkpoint`, as Marathon does by default); of the others there is nothing.
 */
export interface SandboxMeta {
  /** The host name under which Mesos knows the agent. */
  hostname(agentId: string): string | undefined
  executor(run: SandboxRun): ExecutorFacts | undefined
  /** The executor has ended, and with it every container of it: nobody writes to its sandbox any more. */
  isOver(run: SandboxRun): boolean
}

/** Of `SlaveInfo`, `ExecutorInfo`, `ContainerInfo`, `Labels` and `Label`. */
const field = {
  hostname: 1,
  executorName: 9,
  executorContainer: 11,
  executorLabels: 14,
  containerType: 1,
  labels: 1,
  labelKey: 1,
  labelValue: 2,
}
const dockerType = 1n
/** A command with its environment is in it. */
const maxBytes = 4 * 2 ** 20

export function openSandboxMeta(workDir: string): SandboxMeta {
  const slaves = join(workDir, 'meta', 'slaves')
  const executorDir = ({ agentId, frameworkId, executorId }: SandboxRun) =>
    join(slaves, agentId, 'frameworks', frameworkId, 'executors', executorId)

  return {
    hostname(agentId) {
      const info = readMessage(join(slaves, agentId, 'slave.info'))
      return clean(protobufText(info, field.hostname))
    },
    executor(run) {
      const dir = executorDir(run)
      const info = readMessage(join(dir, 'executor.info'))
      if (!info) return undefined
      const container = info.get(field.executorContainer)
      const type = container instanceof Uint8Array ? protobufFields(container) : undefined
      const isDocker = type?.get(field.containerType) === dockerType
      const name = protobufText(info, field.executorName) ?? ''
      return {
        isCommand: markerOf(dir) ?? name.startsWith(`Command Executor (Task: ${run.executorId})`),
        containerizer: isDocker ? 'DOCKER' : 'MESOS',
        ...labelsOf(info.get(field.executorLabels)),
      }
    },
    isOver(run) {
      const [top = run.containerId] = run.parents
      return isThere(join(executorDir(run), 'runs', top, 'executor.sentinel'))
    },
  }
}

/** An agent gives the executor of a command task the labels of its task. */
function labelsOf(message: unknown): Pick<ExecutorFacts, 'labels'> {
  const entries = message instanceof Uint8Array ? protobufEntries(message) : undefined
  const labels = (entries ?? []).flatMap(([number, value]): [string, string][] => {
    if (number !== field.labels || !(value instanceof Uint8Array)) return []
    const label = protobufFields(value)
    const [key, text] = [field.labelKey, field.labelValue].map((part) => protobufText(label, part))
    return key === undefined ? [] : [[key, text ?? '']]
  })
  return labels.length === 0 ? {} : { labels: Object.fromEntries(labels) }
}

/** Agents since 1.9 write it; before them the executor's name tells. */
function markerOf(executorDir: string): boolean | undefined {
  try {
    const text = readFileSync(join(executorDir, 'executor_generated_for_command_task'), 'utf8')
    return text.trim() === '1'
  } catch {
    return undefined
  }
}

/** A message as Mesos writes one to a file: its length in four bytes, then itself. Undefined where there is none. */
function readMessage(path: string) {
  try {
    if (statSync(path).size > maxBytes) return undefined
    const bytes = readFileSync(path)
    const end = 4 + bytes.readUInt32LE(0)
    return end > bytes.length ? undefined : protobufFields(bytes.subarray(4, end))
  } catch {
    return undefined
  }
}

function isThere(path: string): boolean {
  try {
    accessSync(path)
    return true
  } catch {
    return false
  }
}
