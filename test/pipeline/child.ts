import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { until } from '../contracts/suite.ts'

/** Another process that runs a file of this folder and prints numbers; it is killed when the test is over. */
export function startChild(
  t: { teardown(fn: () => void): void },
  file: string,
  args: string[],
  options: { uid?: number } = {},
) {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  })
  const lines: string[] = []
  let errors = ''
  createInterface(child.stdout).on('line', (line) => lines.push(line))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  t.teardown(() => void child.kill('SIGKILL'))
  return {
    pid: child.pid,
    lines,
    errors: () => errors,
    /** The last number it printed. */
    last: () => Number(lines.at(-1) ?? -1),
    ended,
    async waitFor(count: number) {
      await until(`${count} lines of ${file}`, () => {
        if (child.exitCode !== null) throw new Error(`${file} has ended: ${errors}`)
        return lines.length >= count
      })
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
