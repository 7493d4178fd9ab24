import type { ContainerConfig, HostConfig } from '../docker-config.ts'
import type { Piece } from '../json-record.ts'
import type { Usage } from '../mesos/model.ts'

/**
 * The Docker daemon of one agent as its HTTP face (list, inspect, events, logs, stats) sees it. `engine.ts` keeps it.
 * Everything is in one process and one thread: what is read in one go fits together.
 */
export interface DockerModel {
  /** Laid out as `/var/lib/docker`; the containers' folders are in `<root>/containers`. */
  root: string
  /** Path of its socket. */
  socket: string
  /** Of its agent. */
  hostname: string
  /** Running ones, and ended ones until they are removed; the newest first, as Docker lists them. */
  containers(): DockerContainer[]
  /** By id, by an unambiguous beginning of it, or by name, with or without `/`. */
  container(name: string): DockerContainer | undefined
  /** The last 256, oldest first, as `since` can ask for them. */
  events(): DockerEvent[]
  /** Told in order, after the container has changed. Returns what ends it. */
  onEvent(listener: (event: DockerEvent) => void): () => void
}

export interface DockerContainer {
  /** 64 hex digits. */
  readonly id: string
  /** Without the leading `/`. */
  readonly name: string
  readonly image: string
  /** `sha256:…` */
  readonly imageId: string
  /** ms since the epoch. */
  readonly createdAt: number
  readonly status: 'created' | 'running' | 'exited'
  /** What stands in `config.v2.json` now: state, environment, labels, command. Replaced at each change. */
  readonly config: ContainerConfig
  /** What stands in `hostconfig.json`: log driver, CPU shares, memory limit, binds. */
  readonly hostConfig: HostConfig
  /** Directory of the host that is mounted at `/mnt/mesos/sandbox`. */
  readonly sandbox: string
  /** By the OS, once a second; undefined before the first measurement and after its end. */
  readonly usage: Usage | undefined
  /** Cores that the host has for it: Docker's `online_cpus`. */
  readonly onlineCpus: number
  /** The json-file log that is being written, and the rotated ones: oldest first. */
  logFiles(): string[]
  /** Told of each record after it was written to the log. Returns what ends it. */
  onRecord(listener: (record: Piece) => void): () => void
}

export type DockerAction = 'create' | 'start' | 'kill' | 'oom' | 'die' | 'stop' | 'destroy'

/** An event of type `container`. */
export interface DockerEvent {
  action: DockerAction
  id: string
  image: string
  /** `image`, `name`, all labels, and what the action adds: `exitCode` (die), `signal` (kill, a number). */
  attributes: Record<string, string>
  /** Nanoseconds since the epoch. */
  timeNs: bigint
}
