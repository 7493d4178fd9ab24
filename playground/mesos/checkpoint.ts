import { mkdirSync, writeFileSync } from 'node:fs'
import { rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Agent, TaskSpec } from './model.ts'

/*
 * What an agent writes below `<work_dir>/meta`, to know its executors again after a restart. Of Mesos' messages there are
 * those fields that tell who it is, by their numbers in `mesos.proto`.
 */

export interface Checkpoint {
  /** The executor has ended. Never throws. */
  end(): void
  /** Never rejects. */
  remove(): Promise<void>
}

export interface ExecutorPlace {
  frameworkId: string
  executorId: string
  containerId: string
  /** It was made for one command task, whose id it has. */
  isCommand: boolean
  container: TaskSpec['container']['type']
  labels?: TaskSpec['labels']
}

/** `slave.info` and `executor.info`, after the sandbox was made, as agents do. Throws what the disk throws. */
export function checkpointExecutor(
  { workDir, id: agentId, hostname }: Agent,
  place: ExecutorPlace,
): Checkpoint {
  const { frameworkId, executorId, containerId, isCommand, container, labels = [] } = place
  const slave = join(workDir, 'meta', 'slaves', agentId)
  const dir = join(slave, 'frameworks', frameworkId, 'executors', executorId)
  const run = join(dir, 'runs', containerId)
  mkdirSync(run, { recursive: true })
  writeMessage(join(slave, 'slave.info'), text(1, hostname), message(6, text(1, agentId)))
  const name = isCommand ? [text(9, `Command Executor (Task: ${executorId}) (Command: …)`)] : []
  writeMessage(
    join(dir, 'executor.info'),
    message(1, text(1, executorId)),
    message(8, text(1, frameworkId)),
    ...name,
    ...(isCommand ? [message(11, number(1, container === 'DOCKER' ? 1 : 2))] : []),
    ...(labels.length > 0 ? [message(14, ...labels.map(labelMessage))] : []),
  )
  writeFileSync(join(dir, 'executor_generated_for_command_task'), isCommand ? '1' : '0')
  return {
    end() {
      try {
        writeFileSync(join(run, 'executor.sentinel'), '')
      } catch {
        // Its sandbox is on the same disk, and that is told.
      }
    },
    async remove() {
      try {
        await rm(run, { recursive: true, force: true })
        await rmdir(dirname(run))
        await rm(dir, { recursive: true, force: true })
      } catch {
        // Another run of this executor is there.
      }
    },
  }
}

function writeMessage(path: string, ...fields: Buffer[]): void {
  const bytes = Buffer.concat(fields)
  const size = Buffer.alloc(4)
  size.writeUInt32LE(bytes.length)
  writeFileSync(path, Buffer.concat([size, bytes]))
}

/** Field numbers below 16. */
const number = (field: number, value: number) =>
  Buffer.concat([Buffer.from([field << 3]), varint(value)])
const message = (field: number, ...fields: Buffer[]) => bytes(field, Buffer.concat(fields))
const text = (field: number, value: string) => bytes(field, Buffer.from(value))

function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(value.length), value])
}

function varint(value: number): Buffer {
  const groups: number[] = []
  for (let rest = value; rest > 0 || groups.length === 0; rest >>>= 7) {
    groups.push((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0))
  }
  return Buffer.from(groups)
}

const labelMessage = ({ key, value }: TaskSpec['labels'][number]) =>
  message(1, text(1, key), text(2, value))
