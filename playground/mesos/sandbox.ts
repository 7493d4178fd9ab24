import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { rm, rmdir, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../../pipeline/clock.ts'
import type { Stream } from '../../pipeline/event.ts'
import { openRotating } from '../rotating-file.ts'

export interface SandboxPlace {
  workDir: string
  agentId: string
  frameworkId: string
  executorId: string
  containerId: string
  /** Of the executor, for a container of a pod. */
  parentContainerId?: string | undefined
}

/** Where Mesos puts the sandbox of a container; that of a nested one is below its parent's. */
export function sandboxPath(place: SandboxPlace): string {
  const { workDir, agentId, frameworkId, executorId, containerId, parentContainerId } = place
  const framework = join(workDir, 'slaves', agentId, 'frameworks', frameworkId)
  const runs = join(framework, 'executors', executorId, 'runs')
  return parentContainerId === undefined
    ? join(runs, containerId)
    : join(runs, parentContainerId, 'containers', containerId)
}

/** The sandbox of a container: `stdout` and `stderr` in a directory. */
export interface Sandbox {
  dir: string
  /** Throws a retryable `Trouble` if the disk refuses. */
  write(stream: Stream, chunk: Uint8Array): void
  /** A line of the executor, which writes to `stderr` as the task does. `from`: `exec.cpp:164`. Never throws. */
  say(from: string, message: string): void
  close(): void
}

export interface SandboxOptions {
  dir: string
  /** Bytes after which `stdout` becomes `stdout.1`, as Mesos' logrotate logger does. */
  maxSize: number
  maxFile: number
  clock: Clock
}

/** Throws what the disk throws. */
export function openSandbox({ dir, maxSize, maxFile, clock }: SandboxOptions): Sandbox {
  mkdirSync(dir, { recursive: true })
  pointLatest(dir)
  const files = {
    stdout: openLog(dir, 'stdout', maxSize, maxFile),
    stderr: openLog(dir, 'stderr', maxSize, maxFile),
  }
  return {
    dir,
    write: (stream, chunk) => files[stream].write(chunk),
    say(from, message) {
      try {
        files.stderr.write(Buffer.from(glogLine(clock.now(), from, message)))
      } catch {
        // The task's own lines meet the same disk, and that is told.
      }
    },
    close() {
      files.stdout.close()
      files.stderr.close()
    },
  }
}

/** `runs/latest` points to the last one; nested containers have no such thing. */
function pointLatest(dir: string): void {
  const runs = dirname(dir)
  if (basename(runs) !== 'runs') return
  const latest = join(runs, 'latest')
  rmSync(latest, { force: true })
  symlinkSync(dir, latest)
}

function openLog(dir: string, stream: Stream, maxSize: number, files: number) {
  const file = openRotating({ path: join(dir, stream), maxSize, files, mode: 0o644 })
  const write = (chunk: Uint8Array) => {
    if (file.room() <= 0) file.rotate()
    file.write(chunk)
  }
  return { write, close: file.close }
}

/** `I20261122 19:57:52.646862 10859 exec.cpp:164] Version: 1.11.0`: local time, as glog has it. */
function glogLine(ms: number, from: string, message: string): string {
  const at = new Date(ms)
  const two = (number: number) => String(number).padStart(2, '0')
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  const fraction = String(at.getMilliseconds() * 1000).padStart(6, '0')
  return `I${day} ${time}.${fraction} ${process.pid} ${from}] ${message}\n`
}

/** Removes a sandbox, and its executor's directory where nothing else is in it. Throws what the disk throws. */
export async function removeSandbox(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
  const runs = dirname(dir)
  if (basename(runs) !== 'runs') return
  try {
    const latest = join(runs, 'latest')
    if (!existsSync(latest)) await unlink(latest)
    await rmdir(runs)
    await rmdir(dirname(runs))
  } catch {
    // Another run of this executor is there.
  }
}
