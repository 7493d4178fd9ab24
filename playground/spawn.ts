import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Trouble } from '../pipeline/errors.ts'
import type { Addresses } from './addresses.ts'
import { openControlClient, type ControlClient } from './control-client.ts'
import type { PlaygroundOptions } from './start.ts'

export type SpawnOptions = Omit<PlaygroundOptions, 'clock' | 'log'>

/** From the playground's process to its parent. */
export type FromChild =
  { kind: 'up'; addresses: Addresses; token: string } | { kind: 'failed'; message: string }

/** A playground in a process of its own. */
export interface SpawnedPlayground {
  addresses: Addresses
  token: string
  client: ControlClient
  pid: number
  /** Resolves when its process has ended, whoever wanted it. */
  ended: Promise<void>
  /** Ends it and all its processes in order. */
  close(): Promise<void>
}

const closeWithinMs = 10_000

/**
 * Starts it and resolves when its APIs answer; its apps may still be starting. It ends with this process, also after a SIGKILL
 * of it. Throws a {@link Trouble} that says why it could not start.
 */
export async function spawnPlayground(options: SpawnOptions): Promise<SpawnedPlayground> {
  const child = startProcess()
  const ended = once(child, 'exit').then(() => {})
  child.send(options)
  const { addresses, token } = await up(child)
  const client = openControlClient({ url: addresses.control, token })

  async function close(): Promise<void> {
    client.close()
    if (child.connected) child.disconnect()
    const patience = setTimeout(() => child.kill('SIGKILL'), closeWithinMs)
    await ended
    clearTimeout(patience)
  }

  return { addresses, token, client, pid: child.pid ?? 0, ended, close }
}

function startProcess(): ChildProcess {
  const here = fileURLToPath(import.meta.url)
  const main = fileURLToPath(new URL(`main${extname(here)}`, import.meta.url))
  // Our own flags are no business of its: `-e` would make it run our script.
  return fork(main, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] })
}

function up(child: ChildProcess): Promise<Extract<FromChild, { kind: 'up' }>> {
  let words = ''
  return new Promise((resolve, reject) => {
    child.on('message', (message: FromChild) => {
      if (message.kind === 'up') resolve(message)
      else words = message.message
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      const why = words === '' ? `its process ended with ${signal ?? code}` : words
      reject(new Trouble(`the playground could not start: ${why}`))
    })
  })
}
