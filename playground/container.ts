import { createHash, randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { Stream } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import {
  createdState,
  hostConfig,
  writeConfig,
  writeHostConfig,
  type ContainerConfig,
  type HostConfig,
  type Limits,
  type Rotation,
} from './docker-config.ts'
import { openJsonFileLog } from './json-file.ts'
import { trimmedTime, type Piece } from './json-record.ts'
import { copyOutput, exitOf, launch, sender } from './launch.ts'
import type { Order, Ready } from './orders.ts'

export interface ContainerOptions {
  /** The folder of all containers, laid out as `/var/lib/docker/containers`. */
  root: string
  /** Without the leading `/`: Mesos names its containers `mesos-<uuid>`. */
  name: string
  image: string
  /** `NAME=value` each: all that the process gets, but for `privateEnv`. */
  env: string[]
  /** What the process gets beyond that; not in the container's config. */
  privateEnv?: string[]
  /** Where the process runs; here unless set. */
  cwd?: string
  limits?: Limits
  /** As Docker writes them: `/from:/to`. */
  binds?: string[]
  labels: Record<string, string>
  argv: readonly [string, ...string[]]
  rotation: Rotation
  clock: Clock
  log: Logger
  /** The process said that it works. */
  onReady?(ready: Ready): void
  /** Told of each record of the log. */
  onRecord?(record: Piece): void
  /** What it prints, as it comes: what is attached to the container reads it. */
  onOutput?(stream: Stream, chunk: Buffer): void
}

/** A real process that looks like a Docker container to whoever reads `root`. */
export interface Container {
  /** 64 hex digits. */
  id: string
  /** Its folder. */
  dir: string
  /** What stands in `config.v2.json` now. */
  config(): ContainerConfig
  hostConfig: HostConfig
  /** 0 if the process could not be started. */
  pid: number
  /** ms since the epoch. */
  startedAt: number
  /** Resolves when the order is on its way; also if the process is gone. */
  send(order: Order): Promise<void>
  kill(signal: 'SIGTERM' | 'SIGKILL'): void
  /** SIGKILL, as by the kernel for want of memory. */
  oomKill(): void
  /** Resolves with the exit code as Docker gives it (137 after SIGKILL), after the last line and the state were written. */
  exited: Promise<number>
}

/**
 * Starts `argv` as a container: `<root>/<id>/config.v2.json`, `hostconfig.json` and `<id>-json.log`.
 * Throws what the disk throws, and nothing runs then. A command that does not exist is a container that exits with 127, as with a shell.
 */
export function runContainer(options: ContainerOptions): Container {
  const id = randomBytes(32).toString('hex')
  const dir = join(options.root, id)
  try {
    return startContainer(id, dir, options)
  } catch (error) {
    rmSync(dir, { recursive: true, force: true })
    throw error
  }
}

function startContainer(id: string, dir: string, options: ContainerOptions): Container {
  const { root, rotation, limits, binds, clock, log } = options
  const startedAt = clock.now()
  let config = createdConfig(id, dir, options)
  const host = hostConfig(rotation, limits, binds)
  writeHostConfig(dir, host)
  writeConfig(dir, config)

  const { onRecord } = options
  const output = openJsonFileLog({
    dir: root,
    id,
    ...rotation,
    clock,
    ...(onRecord ? { onRecord } : {}),
  })
  const env = [...options.env, ...(options.privateEnv ?? [])]
  const child = launch(options.argv, env, options.cwd)
  const pid = child.pid ?? 0
  const state = { ...createdState, Running: true, Pid: pid, StartedAt: dockerTime(startedAt) }
  config = { ...config, State: state, HasBeenStartedBefore: true }
  const writers = { write: output.write, end: output.end, also: options.onOutput }
  copyOutput(child, writers, (error) => log.error({ container: id }, explain(error)))
  child.on('message', (message) => options.onReady?.(message as Ready))
  let oomKilled = false

  function finish(ExitCode: number): void {
    const FinishedAt = dockerTime(clock.now())
    const end = { Running: false, Pid: 0, ExitCode, OOMKilled: oomKilled, FinishedAt }
    config = { ...config, State: { ...state, ...end } }
    try {
      output.close()
      writeConfig(dir, config)
    } catch (error) {
      log.error({ container: id }, `cannot write the end of ${dir}: ${explain(error)}`)
    }
  }

  const exited = exitOf(child).then(({ code }) => {
    finish(code)
    return code
  })
  try {
    writeConfig(dir, config)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    id,
    dir,
    config: () => config,
    hostConfig: host,
    pid,
    startedAt,
    exited,
    send: sender(child),
    kill: (signal) => void child.kill(signal),
    oomKill() {
      oomKilled = true
      child.kill('SIGKILL')
    },
  }
}

function createdConfig(id: string, dir: string, options: ContainerOptions): ContainerConfig {
  const { name, image, env, labels, argv, clock } = options
  return {
    State: createdState,
    ID: id,
    Created: dockerTime(clock.now()),
    Path: argv[0],
    Args: argv.slice(1),
    Config: {
      Hostname: id.slice(0, 12),
      Tty: false,
      Env: env,
      Cmd: [...argv],
      Image: image,
      Labels: labels,
    },
    Image: `sha256:${createHash('sha256').update(image).digest('hex')}`,
    LogPath: join(dir, `${id}-json.log`),
    Name: `/${name}`,
    Driver: 'overlay2',
    OS: 'linux',
    RestartCount: 0,
    HasBeenStartedBefore: false,
    HasBeenManuallyStopped: false,
  }
}

function dockerTime(ms: number): string {
  return trimmedTime(BigInt(Math.trunc(ms)) * 1_000_000n)
}
