import type { ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { constants } from 'node:os'
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
  type Rotation,
} from './docker-config.ts'
import { openJsonFileLog, type JsonFileLog } from './json-file.ts'
import { trimmedTime } from './json-record.ts'
import { launch } from './launch.ts'
import type { Order, Ready } from './orders.ts'

export interface ContainerOptions {
  /** The folder of all containers, laid out as `/var/lib/docker/containers`. */
  root: string
  /** Without the leading `/`: Mesos names its containers `mesos-<uuid>`. */
  name: string
  image: string
  /** `NAME=value` each: all that the process gets. */
  env: string[]
  labels: Record<string, string>
  argv: readonly [string, ...string[]]
  rotation: Rotation
  clock: Clock
  log: Logger
  /** The process said that it works. */
  onReady?(ready: Ready): void
}

/** A real process that looks like a Docker container to whoever reads `root`. */
export interface Container {
  /** 64 hex digits. */
  id: string
  /** Its folder. */
  dir: string
  /** 0 if the process could not be started. */
  pid: number
  /** ms since the epoch. */
  startedAt: number
  /** Resolves when the order is on its way; also if the process is gone. */
  send(order: Order): Promise<void>
  kill(signal: 'SIGTERM' | 'SIGKILL'): void
  /** Resolves with the exit code as Docker gives it (137 after SIGKILL), after the last line and the state were written. */
  exited: Promise<number>
}

/**
 * Starts `argv` as a container: `<root>/<id>/config.v2.json`, `hostconfig.json` and `<id>-json.log`.
 * Throws what the disk throws, and nothing runs then. A command that does not exist is a container that exits with 127, as with a shell.
 */
export function runContainer(options: ContainerOptions): Container {
  const { root, rotation, clock, log } = options
  const id = randomBytes(32).toString('hex')
  const dir = join(root, id)
  const startedAt = clock.now()
  const config = createdConfig(id, dir, options)
  writeHostConfig(dir, hostConfig(rotation))
  writeConfig(dir, config)

  const output = openJsonFileLog({ dir: root, id, ...rotation, clock })
  const child = launch(options.argv, options.env)
  const pid = child.pid ?? 0
  const state = { ...createdState, Running: true, Pid: pid, StartedAt: dockerTime(startedAt) }
  const started: ContainerConfig = { ...config, State: state, HasBeenStartedBefore: true }
  copyOutput(child, output, (error) => log.error({ container: id }, explain(error)))
  child.on('message', (message) => options.onReady?.(message as Ready))

  function finish(ExitCode: number): void {
    const FinishedAt = dockerTime(clock.now())
    try {
      output.close()
      const State = { ...state, Running: false, Pid: 0, ExitCode, FinishedAt }
      writeConfig(dir, { ...started, State })
    } catch (error) {
      log.error({ container: id }, `cannot write the end of ${dir}: ${explain(error)}`)
    }
  }

  const exited = exitCode(child).then((code) => {
    finish(code)
    return code
  })
  try {
    writeConfig(dir, started)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    id,
    dir,
    pid,
    startedAt,
    exited,
    send: sender(child),
    kill: (signal) => void child.kill(signal),
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

/** Pipes both streams into the log. A disk that refuses costs lines, which is told once until it works again. */
function copyOutput(
  child: ChildProcess,
  output: JsonFileLog,
  tell: (error: unknown) => void,
): void {
  let refused = false
  const attempt = (write: () => void) => {
    try {
      write()
      refused = false
    } catch (error) {
      if (!refused) tell(error)
      refused = true
    }
  }
  const streams: Stream[] = ['stdout', 'stderr']
  for (const stream of streams) {
    child[stream]?.on('data', (chunk: Buffer) => attempt(() => output.write(stream, chunk)))
    child[stream]?.on('end', () => attempt(() => output.end(stream)))
  }
}

/** After both streams have ended. */
function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      resolve(code !== null && code >= 0 ? code : signal ? 128 + constants.signals[signal] : 127)
    })
    child.on('error', () => {
      if (child.pid === undefined) resolve(127)
    })
  })
}

function sender(child: ChildProcess): Container['send'] {
  return (order) =>
    new Promise((resolve) => {
      if (!child.connected) return resolve()
      child.send(order, () => resolve())
    })
}
