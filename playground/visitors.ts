import type { ChildProcess } from 'node:child_process'
import { pause } from '../pipeline/clock.ts'
import type { Logger } from '../pipeline/log.ts'
import { launch, serviceArgv } from './launch.ts'
import type { Order } from './orders.ts'

/** The load generator: a process that is no service of the cluster, as visitors are none. */
export interface Visitors {
  /** The ports of the web instances they visit. */
  visit(ports: number[]): void
  close(): Promise<void>
}

const restartAfterMs = 1000

/** Starts it, and starts it again should it die. */
export function startVisitors({ seed, log }: { seed: string; log: Logger }): Visitors {
  const closing = new AbortController()
  let child: ChildProcess | undefined
  let ports: number[] = []

  function send(): void {
    const order: Order = { kind: 'targets', ports }
    if (child?.connected) child.send(order, () => {})
  }

  async function keep(): Promise<void> {
    while (!closing.signal.aborted) {
      child = launch(serviceArgv('visitor'), [`PLAYGROUND_SEED=${seed}`])
      child.on('message', send)
      const complaint = await lastWords(child)
      if (!closing.signal.aborted) log.warn(`the load generator died, starts again: ${complaint}`)
      await pause(restartAfterMs, closing.signal)
    }
  }

  const kept = keep()
  return {
    visit(now) {
      ports = now
      send()
    },
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
