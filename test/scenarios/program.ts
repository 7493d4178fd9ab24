import { execFile, execFileSync, spawn, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Answers } from '../../dashboards/api.ts'
import { explain } from '../../pipeline/errors.ts'
import type { LogDoc } from '../../pipeline/event.ts'
import type { Health } from '../../pipeline/health.ts'
import { runningProcess } from '../../pipeline/owner.ts'

/** The real program as a child process, used from outside: by its HTTP API and its commands. */

const program = fileURLToPath(new URL('../../bin/mesoscope.js', import.meta.url))

/** How long a condition may take to come true on a machine that has other things to do. */
export const patienceMs = 45_000

/** Asks until there is an answer; a test fails with the last error, not with a bare "too late". */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  withinMs = patienceMs,
): Promise<T> {
  const end = performance.now() + withinMs
  let last: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = error
    }
    if (performance.now() > end) break
    await sleep(100)
  }
  // AVA does not show causes.
  const why = last === undefined ? '' : ` (${explain(last)})`
  throw new Error(`not within ${withinMs / 1000} s: ${what}${why}`, { cause: last })
}

export interface Program {
  data: string
  url: string
  pid: number
  /** What it wrote on stderr so far. */
  stderr(): string
  get<Path extends keyof Answers>(
    path: Path,
    query?: Record<string, string>,
  ): Promise<Answers[Path]>
  health(): Promise<Health>
  /** The trouble of a component; undefined while it has none. */
  trouble(component: string): Promise<string | undefined>
  /** Sum of a metric over all its labels that match. */
  metric(name: string, labels?: Record<string, string>): Promise<number>
  /** All lines of a service, oldest first. */
  lines(service: string, query?: Record<string, string>): Promise<LogDoc[]>
  /** Throws if it has ended. */
  alive(): void
  /** SIGKILL; it is gone then. */
  kill(): Promise<void>
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>
}

export interface Scene {
  /** A fresh directory; removed in the end. */
  dir: string
  start(settings: object, options?: StartOptions): Promise<Program>
  later(undo: () => unknown): void
}

export interface StartOptions {
  args?: string[]
  spawn?: SpawnOptions
}

interface Context {
  teardown(undo: () => Promise<void>): void
}

/** A directory and the programs in it; all of it is gone when the test is over. */
export function openScene(t: Context): Scene {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-bad-'))
  const undos: (() => unknown)[] = [
    () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }),
  ]
  t.teardown(async () => {
    for (const undo of undos.toReversed()) await undo()
  })
  let programs = 0
  return {
    dir,
    later: (undo) => void undos.push(undo),
    async start(settings, { args = [], spawn: options = {} } = {}) {
      const data = (settings as { data?: string }).data ?? join(dir, 'data')
      const config = join(dir, `config-${programs++}.yaml`)
      // JSON is YAML.
      writeFileSync(
        config,
        JSON.stringify({ listen: { port: 0 }, log_level: 'warn', ...settings, data }),
      )
      return startProgram(config, data, args, options, (undo) => undos.push(undo))
    },
  }
}

/** Waits until no more lines are stored; returns how many there are. */
export async function untilQuiet(program: Program, pauseMs: number): Promise<number> {
  for (let before = -1; ;) {
    const now = await program.metric('indexed_lines_total')
    if (now === before) return now
    before = now
    await sleep(pauseMs)
  }
}

async function startProgram(
  config: string,
  data: string,
  args: string[],
  options: SpawnOptions,
  later: (undo: () => unknown) => void,
): Promise<Program> {
  const child = spawn(process.execPath, [program, 'run', '--config', config, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...options,
  })
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const gone = once(child, 'exit')
  const kill = async () => {
    child.kill('SIGKILL')
    await gone
  }
  later(kill)
  const alive = () => {
    if (child.exitCode === null && child.signalCode === null) return
    throw new Error(`the program has ended (${child.exitCode ?? child.signalCode}): ${stderr}`)
  }
  const { url } = await until(`it runs: ${stderr}`, () => {
    if (child.exitCode !== null) return { url: undefined }
    const found = runningProcess(data)
    return found?.pid === child.pid && found?.url ? found : undefined
  })
  if (!url) {
    alive()
    throw new Error('no address')
  }
  return {
    data,
    pid: child.pid as number,
    alive,
    stderr: () => stderr,
    ...asker(url),
    kill,
    async stop() {
      child.kill('SIGTERM')
      await Promise.race([gone, sleep(20_000, undefined, { ref: false })])
      return child.exitCode
    },
  }
}

function asker(url: string) {
  const ask = async (path: string, query: Record<string, string> = {}) => {
    const search = new URLSearchParams(query).toString()
    const response = await fetch(`${url}${path}${search && `?${search}`}`, {
      signal: AbortSignal.timeout(20_000),
    })
    return { ok: response.ok, status: response.status, text: await response.text() }
  }
  const get = async <Path extends keyof Answers>(path: Path, query?: Record<string, string>) => {
    const { ok, status, text } = await ask(path, query)
    if (!ok) throw new Error(`${path}: ${status} ${text.slice(0, 500)}`)
    return JSON.parse(text) as Answers[Path]
  }
  const health = async () => JSON.parse((await ask('/healthz')).text) as Health
  return {
    url,
    get,
    health,
    async trouble(component: string) {
      const { components } = await health()
      return components.find(({ name }) => name === component)?.trouble
    },
    async metric(name: string, labels: Record<string, string> = {}) {
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
      const rows = (await ask('/metrics')).text
        .split('\n')
        .filter((row) => new RegExp(`^mesoscope_${name}[ {]`).test(row))
        .filter((row) => wanted.every((label) => row.includes(label)))
      return rows.reduce((sum, row) => sum + Number(row.slice(row.lastIndexOf(' '))), 0)
    },
    async lines(service: string, query: Record<string, string> = {}) {
      const hits: LogDoc[] = []
      let cursor: string | undefined
      do {
        const page: Answers['/api/logs'] = await get('/api/logs', {
          service,
          limit: '1000',
          ...query,
          ...(cursor === undefined ? {} : { cursor }),
        })
        hits.push(...page.hits)
        cursor = page.next
      } while (cursor !== undefined)
      return hits.toReversed()
    },
  }
}

export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

/** A command to its end. */
export function mesoscope(
  args: string[],
  options: { uid?: number; cwd?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program, ...args],
      { maxBuffer: 2 ** 26, timeout: 30_000, killSignal: 'SIGKILL', ...options },
      (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

export const isRoot = process.getuid?.() === 0
/** `nobody`. */
export const otherUid = 65_534

/** Whether a small disk can be made here: as root, outside of most containers. */
export function canMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir], { stdio: 'ignore' })
    execFileSync('umount', [dir], { stdio: 'ignore' })
    return true
  } catch {
    return false
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** Lets another user through to what is below. */
export function openToAll(dir: string): void {
  chmodSync(dir, 0o777)
}
