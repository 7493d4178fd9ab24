import { linkSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TaskView } from '../../playground/addresses.ts'
import type { ControlClient } from '../../playground/control-client.ts'

/**
 * What really happened in a playground, noted by somebody who knows nothing of Mesoscope: every task with its end, and
 * every file that a container ever logged to, kept by a hard link after Docker has rotated or removed it.
 */
export interface ClusterLedger {
  /** By id. */
  tasks: Map<string, TaskView>
  /** Lines of each container, by its id. */
  lines(): Map<string, number>
  stop(): Promise<void>
}

export interface ClusterLedgerOptions {
  client: ControlClient
  /** Docker's roots of the agents. */
  roots: readonly string[]
  /** On the same disk as the roots. */
  dir: string
}

export function openClusterLedger({ client, roots, dir }: ClusterLedgerOptions): ClusterLedger {
  mkdirSync(dir, { recursive: true })
  const tasks = new Map<string, TaskView>()
  const stop = new AbortController()

  async function note(): Promise<void> {
    for (const task of await client.tasks().catch(() => [])) tasks.set(task.id, task)
    for (const root of roots) keepLogs(join(root, 'containers'), dir)
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      await note()
      await sleep(150, undefined, { signal: stop.signal }).catch(() => {})
    }
    await note()
  }

  const running = run()
  return {
    tasks,
    lines: () => countLines(dir),
    async stop() {
      stop.abort()
      await running
    },
  }
}

/** A link for each file that was not seen yet, by container and inode: renaming keeps the inode. */
function keepLogs(root: string, dir: string): void {
  for (const container of list(root)) {
    for (const name of list(join(root, container)).filter((file) => file.includes('-json.log'))) {
      const path = join(root, container, name)
      try {
        linkSync(path, join(dir, `${container}.${statSync(path).ino}`))
      } catch {
        // Linked already, or just removed: then it was linked before.
      }
    }
  }
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}

interface LogRecord {
  log: string
  stream: string
  time: string
}

/** A line is ended by a record that ends in a newline, or by the end of its stream. */
function countLines(dir: string): Map<string, number> {
  const counts = new Map<string, number>()
  const files = Map.groupBy(readdirSync(dir), (file) => file.slice(0, 64))
  for (const [container, names] of files) {
    const records = names.flatMap((name) => recordsOf(join(dir, name))).toSorted(byTime)
    const streams = [...Map.groupBy(records, ({ stream }) => stream).values()]
    const ended = records.filter(({ log }) => log.endsWith('\n')).length
    const open = streams.filter((stream) => !stream.at(-1)?.log.endsWith('\n')).length
    counts.set(container, ended + open)
  }
  return counts
}

function recordsOf(path: string): LogRecord[] {
  const whole = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return whole.map((line) => JSON.parse(line) as LogRecord)
}

/** Docker trims zeros, so that times cannot be compared as text. Records of the same time keep their order. */
function byTime(a: LogRecord, b: LogRecord): number {
  const padded = ({ time }: LogRecord) => time.replace('Z', '').padEnd(29, '0')
  return padded(a) < padded(b) ? -1 : padded(a) > padded(b) ? 1 : 0
}
