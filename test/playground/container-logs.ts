import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause, wallClock } from '../../pipeline/clock.ts'
import type { ContainerConfig } from '../../playground/docker-config.ts'

/** Reads what the playground wrote, as one who knows nothing of how it was written. */

export async function tempDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'mesoscope-playground-'))
}

export async function removeDir(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
}

/** Asks until `condition` gives something; fails, naming what was waited for, after 20 s. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
): Promise<NonNullable<T>> {
  const deadline = wallClock.now() + 20_000
  for (;;) {
    const found = await condition()
    if (found) return found
    if (wallClock.now() > deadline) throw new Error(`waited 20 s in vain for ${what}`)
    await pause(50)
  }
}

/** Read without a pause, so that the playground in the same process neither rotates nor removes anything meanwhile. */
export function configs(root: string): ContainerConfig[] {
  return readdirSync(root).map((id) => readConfig(join(root, id)))
}

export function readConfig(dir: string): ContainerConfig {
  return JSON.parse(readFileSync(join(dir, 'config.v2.json'), 'utf8')) as ContainerConfig
}

export function variable(config: ContainerConfig, name: string): string | undefined {
  return config.Config.Env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1)
}

/** All whole lines of a service's containers, per container in order, cut ones joined again. */
export function linesOf(root: string, service: string): string[] {
  return configs(root)
    .filter((config) => variable(config, 'MARATHON_APP_ID') === service)
    .flatMap((config) => containerLines(join(root, config.ID)))
}

/** The whole lines of one container over all its rotated files, stdout before stderr. */
export function containerLines(dir: string): string[] {
  const names = readdirSync(dir).filter((name) => name.includes('-json.log'))
  const oldestFirst = names.toSorted((one, other) => rotation(other) - rotation(one))
  const text = { stdout: '', stderr: '' }
  for (const record of oldestFirst.flatMap((name) =>
    wholeLines(readFileSync(join(dir, name), 'utf8')),
  )) {
    const { log, stream } = JSON.parse(record) as { log: string; stream: 'stdout' | 'stderr' }
    text[stream] += log
  }
  return [...wholeLines(text.stdout), ...wholeLines(text.stderr)]
}

function wholeLines(text: string): string[] {
  return text.split('\n').slice(0, -1)
}

function rotation(name: string): number {
  return Number(/\.log\.(\d+)$/.exec(name)?.[1] ?? 0)
}

/** Who of the processes has `seed` in its environment; what a playground started has. */
export async function processesWith(seed: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const own = await Promise.all(
    pids.map(async (pid) => {
      const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
      return environ.includes(`PLAYGROUND_SEED=${seed}`) ? [pid] : []
    }),
  )
  return own.flat()
}
