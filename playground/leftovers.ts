import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { msToIso } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import { configFile, writeConfig, type ContainerConfig } from './docker-config.ts'

/** What Docker gives as exit code where it was not there to see the end. */
const unseenExit = 255

export interface LeftoverOptions {
  root: string
  /** How many folders stay, the newest: their logs may not have been read yet. */
  keep: number
  clock: Clock
  log: Logger
}

/**
 * Tidies up what an earlier start left in `root`, whose processes are gone: the oldest container folders are
 * removed, and the others' states say that nothing runs there any more.
 */
export function tidyLeftovers({ root, keep, clock, log }: LeftoverOptions): void {
  const dirs = containerDirs(root)
  for (const dir of dirs.slice(keep)) rmSync(dir, { recursive: true, force: true })
  for (const dir of dirs.slice(0, keep)) {
    try {
      markExited(dir, clock)
    } catch (error) {
      log.warn(`cannot mend ${join(dir, configFile)}: ${explain(error)}`)
    }
  }
}

function containerDirs(root: string): string[] {
  return newestFirst(
    root,
    readdirSync(root).filter((name) => /^[0-9a-f]{64}$/.test(name)),
  )
}

function newestFirst(dir: string, names: readonly string[]): string[] {
  return names
    .map((name) => ({ path: join(dir, name), ms: statSync(join(dir, name)).mtimeMs }))
    .toSorted((one, other) => other.ms - one.ms)
    .map(({ path }) => path)
}

function markExited(dir: string, clock: Clock): void {
  const config = JSON.parse(readFileSync(join(dir, configFile), 'utf8')) as ContainerConfig
  if (!config.State.Running) return
  const FinishedAt = msToIso(clock.now())
  const State = { ...config.State, Running: false, Pid: 0, ExitCode: unseenExit, FinishedAt }
  writeConfig(dir, { ...config, State })
}

export interface AgentLeftovers {
  /** Of one agent: `docker` and `mesos` are in it. */
  dir: string
  clock: Clock
  log: Logger
}

const keptContainers = 10

/** What an earlier start left of an agent: of sandboxes those of the last start stay, of volumes none. */
export async function tidyAgent({ dir, clock, log }: AgentLeftovers): Promise<void> {
  const root = join(dir, 'docker', 'containers')
  if (existsSync(root)) tidyLeftovers({ root, keep: keptContainers, clock, log })
  const slaves = join(dir, 'mesos', 'slaves')
  const old = existsSync(slaves) ? newestFirst(slaves, readdirSync(slaves)).slice(1) : []
  for (const path of [...old, join(dir, 'mesos', 'volumes')]) {
    await rm(path, { recursive: true, force: true })
  }
}
