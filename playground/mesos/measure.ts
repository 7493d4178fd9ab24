import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Usage } from './model.ts'

/** What the OS tells of processes. */
export interface Meter {
  /** Those it tells nothing of (they have ended) are left out. `at`: ms since the epoch, kept in the answer. */
  measure(pids: readonly number[], at: number): Promise<Map<number, Usage>>
  /** How often it is worth asking, ms. */
  everyMs: number
}

const run = promisify(execFile)

/** Reads `/proc` where there is one, else asks `ps`, which costs a process each time. */
export async function openMeter(): Promise<Meter> {
  if (!existsSync('/proc/self/stat')) return psMeter
  const pageBytes = await systemValue('PAGESIZE', 4096)
  const ticksPerSecond = await systemValue('CLK_TCK', 100)
  return {
    everyMs: 250,
    async measure(pids, at) {
      const found = new Map<number, Usage>()
      for (const pid of pids) {
        const stat = readStat(pid)
        if (stat) found.set(pid, parseStat(stat, at, pageBytes, ticksPerSecond))
      }
      return found
    },
  }
}

async function systemValue(name: string, otherwise: number): Promise<number> {
  const { stdout } = await run('getconf', [name]).catch(() => ({ stdout: '' }))
  const value = Number(stdout)
  return value > 0 ? value : otherwise
}

function readStat(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined
  }
}

/** Fields as proc(5) numbers them; the second, in parentheses, may hold anything. */
function parseStat(stat: string, at: number, pageBytes: number, ticksPerSecond: number): Usage {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3])
  return {
    at,
    userSeconds: field(14) / ticksPerSecond,
    systemSeconds: field(15) / ticksPerSecond,
    threads: field(20),
    rss: field(24) * pageBytes,
  }
}

/** For systems without `/proc`. Knows no threads, and on some systems user and system time only together. */
export const psMeter: Meter = {
  everyMs: 1000,
  async measure(pids, at) {
    if (pids.length === 0) return new Map()
    const args = ['-o', 'pid=,rss=,time=', '-p', pids.join(',')]
    const { stdout } = await run('ps', args).catch(() => ({ stdout: '' }))
    return parsePs(stdout, at)
  },
}

/** Lines of process id, KiB in memory and CPU time as `[[days-]hours:]minutes:seconds[.hundredths]`. */
export function parsePs(output: string, at: number): Map<number, Usage> {
  const found = new Map<number, Usage>()
  for (const line of output.split('\n')) {
    const [pid, kib, time] = line.trim().split(/\s+/)
    if (!time) continue
    const [clock = '', days = '0'] = time.split('-').toReversed()
    const seconds = clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
    found.set(Number(pid), {
      at,
      userSeconds: Number(days) * 86_400 + seconds,
      systemSeconds: 0,
      rss: Number(kib) * 1024,
      threads: 1,
    })
  }
  return found
}
