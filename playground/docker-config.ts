import { randomUUID } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What Docker 20.10 keeps of a container in `config.v2.json`; parts without meaning here are left out. */
export interface ContainerConfig {
  State: ContainerState
  ID: string
  Created: string
  Path: string
  Args: string[]
  Config: {
    Hostname: string
    Tty: boolean
    Env: string[]
    Cmd: string[]
    Image: string
    Labels: Record<string, string>
  }
  Image: string
  LogPath: string
  Name: string
  Driver: string
  OS: string
  RestartCount: number
  HasBeenStartedBefore: boolean
  HasBeenManuallyStopped: boolean
}

export interface ContainerState {
  Running: boolean
  Paused: boolean
  Restarting: boolean
  OOMKilled: boolean
  RemovalInProgress: boolean
  Dead: boolean
  Pid: number
  ExitCode: number
  Error: string
  StartedAt: string
  FinishedAt: string
  Health: null
}

/** How Go writes "never". */
const never = '0001-01-01T00:00:00Z'

/** The state of a container that was created and not yet started. */
export const createdState: ContainerState = {
  Running: false,
  Paused: false,
  Restarting: false,
  OOMKilled: false,
  RemovalInProgress: false,
  Dead: false,
  Pid: 0,
  ExitCode: 0,
  Error: '',
  StartedAt: never,
  FinishedAt: never,
  Health: null,
}

export const configFile = 'config.v2.json'

/** Replaces `<dir>/config.v2.json` in one step, as Docker does: a reader sees the old one or the new one. */
export function writeConfig(dir: string, config: ContainerConfig): void {
  writeWhole(join(dir, configFile), config)
}

/** What Docker keeps beside it, in `hostconfig.json`. */
export interface HostConfig {
  Binds: string[] | null
  LogConfig: { Type: 'json-file'; Config: { 'max-file': string; 'max-size': string } }
  NetworkMode: string
  RestartPolicy: { Name: 'no'; MaximumRetryCount: number }
  AutoRemove: boolean
  Privileged: boolean
  /** 1024 a core; 0: no preference. */
  CpuShares: number
  /** Bytes; 0: no limit. */
  Memory: number
  MemorySwap: number
}

/** What a container may use: a share of the CPUs in cores, memory in bytes; undefined: without a limit. */
export interface Limits {
  cpus: number
  memory: number
}

export function hostConfig(
  { maxSize, maxFile }: Rotation,
  limits?: Limits,
  binds: string[] | null = null,
): HostConfig {
  const options = { 'max-file': String(maxFile), 'max-size': String(maxSize) }
  return {
    Binds: binds,
    LogConfig: { Type: 'json-file', Config: options },
    NetworkMode: 'host',
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    AutoRemove: false,
    Privileged: false,
    CpuShares: limits ? Math.max(2, Math.trunc(limits.cpus * 1024)) : 0,
    Memory: limits?.memory ?? 0,
    MemorySwap: limits ? limits.memory * 2 : 0,
  }
}

export function writeHostConfig(dir: string, config: HostConfig): void {
  writeWhole(join(dir, 'hostconfig.json'), config)
}

/** Docker's `max-size` (bytes) and `max-file`. */
export interface Rotation {
  maxSize: number
  maxFile: number
}

function writeWhole(path: string, content: unknown): void {
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o710 })
  const draft = join(path, '..', `.tmp-${randomUUID()}`)
  writeFileSync(draft, JSON.stringify(content), { mode: 0o600 })
  renameSync(draft, path)
}
