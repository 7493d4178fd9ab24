import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runningProcess } from '../pipeline/owner.ts'

const program = fileURLToPath(new URL('../bin/mesoscope.js', import.meta.url))

/** The real program on settings of its own, measured from outside. */
export interface RunningProgram {
  url: string
  get<Answer>(path: string): Promise<Answer>
  /** CPU seconds of user and system so far, and the peak of resident memory, from the operating system. */
  usage(): { cpuSeconds: number; peakMiB: number }
  stop(): Promise<void>
}

export async function runProgram(
  dir: string,
  settings: Record<string, unknown>,
  roles: readonly string[] = [],
): Promise<RunningProgram> {
  const data = join(dir, 'data')
  const port = await freePort()
  const file = join(dir, 'settings.json')
  writeFileSync(file, JSON.stringify({ data, log_level: 'error', listen: { port }, ...settings }))
  const only = roles.length === 0 ? [] : ['--roles', roles.join(',')]
  const child = spawn(process.execPath, [program, 'run', '--config', file, ...only], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  while (runningProcess(data)?.pid !== child.pid) {
    if (child.exitCode !== null) throw new Error(`mesoscope ended with code ${child.exitCode}`)
    await sleep(20)
  }
  const address = `http://127.0.0.1:${port}`
  while (!(await isThere(address))) {
    if (child.exitCode !== null) throw new Error(`mesoscope ended with code ${child.exitCode}`)
    await sleep(20)
  }
  return {
    url: address,
    async get<Answer>(path: string) {
      const response = await fetch(address + path)
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
      return (await response.json()) as Answer
    },
    usage: () => usageOf(child.pid as number),
    async stop() {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
  }
}

/** Does it answer yet? */
async function isThere(address: string): Promise<boolean> {
  const answer = await fetch(`${address}/livez`).catch(() => undefined)
  return answer?.ok ?? false
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** Linux counts CPU in hundredths of a second. */
const ticksPerSecond = 100

export function usageOf(pid: number): { cpuSeconds: number; peakMiB: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name may hold anything, also blanks; the fields after it are fixed.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    peakMiB: Math.round(Number(peak) / 1024),
  }
}
