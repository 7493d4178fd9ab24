import { spawn, type ChildProcess } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

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
export function launch(argv: readonly [string, ...string[]], env: readonly string[]): ChildProcess {
  const [command, ...args] = argv
  return spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
    env: Object.fromEntries(env.map((entry) => splitOnce(entry, '='))),
  })
}

function splitOnce(text: string, at: string): [string, string] {
  const index = text.indexOf(at)
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)]
}
