import { spawn, type ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Stream } from '../pipeline/event.ts'
import type { Order } from './orders.ts'

/** The command that runs one of the sample services, from source as well as compiled. */
export function serviceArgv(service: string): [string, string] {
  const here = fileURLToPath(import.meta.url)
  const file = new URL(`services/${service}${extname(here)}`, import.meta.url)
  return [process.execPath, fileURLToPath(file)]
}

/**
 * Starts a child that is told what to do over IPC and ends when that channel closes. It is no member of our process
 * group: Ctrl-C in a terminal reaches the playground alone, which then ends its children in order.
 */
export function launch(
  argv: readonly [string, ...string[]],
  env: readonly string[],
  cwd?: string,
): ChildProcess {
  const [command, ...args] = argv
  return spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
    cwd,
    env: Object.fromEntries(env.map((entry) => splitOnce(entry, '='))),
  })
}

function splitOnce(text: string, at: string): [string, string] {
  const index = text.indexOf(at)
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)]
}

/** Where the output of a child goes. */
export interface OutputWriters {
  write(stream: Stream, chunk: Buffer): void
  end(stream: Stream): void
  also?: ((stream: Stream, chunk: Buffer) => void) | undefined
}

/** Hands over both streams. A disk that refuses costs lines, which is told once until it works again. */
export function copyOutput(
  child: ChildProcess,
  { write, end, also }: OutputWriters,
  tell: (error: unknown) => void,
): void {
  let refused = false
  const attempt = (work: () => void) => {
    try {
      work()
      refused = false
    } catch (error) {
      if (!refused) tell(error)
      refused = true
    }
  }
  const streams: Stream[] = ['stdout', 'stderr']
  for (const stream of streams) {
    child[stream]?.on('data', (chunk: Buffer) => {
      attempt(() => write(stream, chunk))
      if (also) attempt(() => also(stream, chunk))
    })
    child[stream]?.on('end', () => attempt(() => end(stream)))
  }
}

/** How a process ended: with a code, or by a signal. */
export interface ProcessExit {
  code: number
  signal?: NodeJS.Signals
}

/** After both streams have ended. A command that does not exist ends with 127, as with a shell. */
export function exitOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      if (signal) resolve({ code: 128 + constants.signals[signal], signal })
      else resolve({ code: code !== null && code >= 0 ? code : 127 })
    })
    child.on('error', () => {
      if (child.pid === undefined) resolve({ code: 127 })
    })
  })
}

/** Resolves when the order is on its way; also if the process is gone. */
export function sender(child: ChildProcess): (order: Order) => Promise<void> {
  return (order) =>
    new Promise((resolve) => {
      if (!child.connected) return resolve()
      child.send(order, () => resolve())
    })
}
