import type { ChildProcess } from 'node:child_process'
import { pause } from '../pipeline/clock.ts'
import type { Logger } from '../pipeline/log.ts'
import { launch, sender } from './launch.ts'
import type { Order } from './orders.ts'

/** A process beside the cluster, no task of it; started again should it die. */
export interface KeptProcess {
  /** Nothing happens while none runs. */
  send(order: Order): void
  pid(): number | undefined
  close(): Promise<void>
}

export interface KeptProcessOptions {
  /** For sentences. */
  name: string
  argv: readonly [string, ...string[]]
  /** Asked at each start. */
  env(): readonly string[]
  onMessage(message: unknown): void
  log: Logger
}

const restartAfterMs = 1000

export function keepProcess({ name, argv, env, onMessage, log }: KeptProcessOptions): KeptProcess {
  const closing = new AbortController()
  let child: ChildProcess | undefined

  async function keep(): Promise<void> {
    while (!closing.signal.aborted) {
      child = launch(argv, env())
      child.on('message', onMessage)
      const complaint = await lastWords(child)
      if (closing.signal.aborted) return
      log.warn(`${name} died, starts again: ${complaint}`)
      await pause(restartAfterMs, closing.signal)
    }
  }

  const kept = keep()
  return {
    send: (order) => {
      if (child) void sender(child)(order)
    },
    pid: () => child?.pid,
    async close() {
      closing.abort()
      child?.kill('SIGKILL')
      await kept
    },
  }
}

/** Resolves when the process is gone, with the end of what it complained of. */
function lastWords(child: ChildProcess): Promise<string> {
  let words = ''
  child.stdout?.resume()
  child.stderr?.on('data', (chunk: Buffer) => {
    words = (words + chunk.toString('utf8')).slice(-2000)
  })
  return new Promise((resolve) => {
    child.on('close', () => resolve(words))
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(error.message)
    })
  })
}
