import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
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
): Promise<RunningProgram> {
  const data = join(dir, 'data')
  const file = join(dir, 'settings.json')
  writeFileSync(
    file,
    JSON.stringify({ data, log_level: 'error', listen: { port: 0 }, ...settings }),
  )
  const child = spawn(process.execPath, [program, 'run', '--config', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  let url: string | undefined
  while (!url) {
    if (child.exitCode !== null) throw new Error(`mesoscope ended with code ${child.exitCode}`)
    const found = runningProcess(data)
    if (found?.pid === child.pid) url = found?.url
    else await sleep(20)
  }
  const address = url
  return {
    url,
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

/** Linux counts CPU in hundredths of a second. */
const ticksPerSecond = 100

function usageOf(pid: number): { cpuSeconds: number; peakMiB: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name may hold anything, also blanks; the fields after it are fixed.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    peakMiB: Math.round(Number(peak) / 1024),
  }
}
