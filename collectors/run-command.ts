import { spawn } from 'node:child_process'

export interface CommandResult {
  /** Undefined where it did not end by itself. */
  exitCode: number | undefined
  /** Of both streams together, its beginning, at most {@link mostOutputBytes}. */
  output: string
  /** Why it did not end by itself, or could not begin. */
  failure: string | undefined
}

const mostOutputBytes = 64 * 1024

/** Runs a command without a shell. It and all that it started are killed after `timeoutMs`, and when `signal` aborts. Never rejects. */
export function runCommand(
  command: readonly string[],
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<CommandResult> {
  const [file = '', ...args] = command
  return new Promise((resolve) => {
    // A group of its own, so that what a script started ends with it.
    const child = spawn(file, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks: Buffer[] = []
    let size = 0
    let failure: string | undefined
    const end = (why: string) => {
      failure ??= why
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // It has just ended.
      }
    }
    const timer = setTimeout(() => end(`no answer within ${timeoutMs / 1000} s`), timeoutMs)
    const onAbort = () => end('stopped')
    signal.addEventListener('abort', onAbort, { once: true })
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        if (size < mostOutputBytes) chunks.push(chunk.subarray(0, mostOutputBytes - size))
        size += chunk.length
      })
    }
    const done = (exitCode: number | undefined) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      resolve({ exitCode, output: Buffer.concat(chunks).toString('utf8'), failure })
    }
    child.on('error', (error) => {
      failure ??= error.message
      done(undefined)
    })
    // What it left in the background may keep the streams open: the group is ended with it.
    child.on('exit', (code, by) => {
      if (code === null) end(`ended by ${by}`)
      else if (failure === undefined) end('')
    })
    child.on('close', (code) => {
      if (failure === '') failure = undefined
      done(failure === undefined ? (code ?? undefined) : undefined)
    })
  })
}
