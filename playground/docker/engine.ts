import { existsSync, mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../pipeline/clock.ts'
import { explain } from '../../pipeline/errors.ts'
import type { Logger } from '../../pipeline/log.ts'
import { runContainer, type Container, type ContainerOptions } from '../container.ts'
import type { Rotation } from '../docker-config.ts'
import type { Piece } from '../json-record.ts'
import { openListeners, type Listeners } from '../listeners.ts'
import type { Usage } from '../mesos/model.ts'
import type { DockerAction, DockerContainer, DockerEvent, DockerModel } from './model.ts'

/** As many as Docker remembers. */
const keptEvents = 256

export interface DockerEngineOptions {
  /** See {@link DockerModel}. */
  root: string
  socket: string
  hostname: string
  rotation: Rotation
  clock: Clock
  log: Logger
}

export type RunOptions = Omit<
  ContainerOptions,
  'root' | 'rotation' | 'clock' | 'log' | 'onRecord' | 'binds'
> & {
  /** Mounted at `/mnt/mesos/sandbox`. */
  sandbox: string
}

/** A container that was started; killing it through here leaves the traces that Docker leaves. */
export interface DockerRun extends Omit<Container, 'kill'> {
  /** `docker stop` sends SIGTERM first, then SIGKILL. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): void
  /** By somebody else, not through Docker: no event `kill`. */
  killFromOutside(): void
}

export interface DockerEngine extends DockerModel {
  /** Throws what the disk throws; nothing runs then. */
  run(options: RunOptions): DockerRun
  measured(id: string, usage: Usage): void
  /** Removes an ended container with its folder. */
  remove(id: string): Promise<void>
}

interface Entry {
  shown: DockerContainer
  running: boolean
  usage: Usage | undefined
  readonly labels: Record<string, string>
}

/** The Docker daemon of an agent: real processes, Docker's files, and what its API can be asked for. */
export function openDockerEngine(options: DockerEngineOptions): DockerEngine {
  const { root, socket, hostname, rotation, clock, log } = options
  const folder = join(root, 'containers')
  mkdirSync(folder, { recursive: true })
  const entries = new Map<string, Entry>()
  const kept: DockerEvent[] = []
  const listeners = openListeners<DockerEvent>(log)
  const nextTime = risingTime(clock)

  function tell(action: DockerAction, { shown, labels }: Entry, more: Record<string, string> = {}) {
    const { id, image, name } = shown
    const attributes = { ...labels, ...more, image, name }
    const event = { action, id, image, attributes, timeNs: nextTime() }
    kept.push(event)
    if (kept.length > keptEvents) kept.shift()
    listeners.tell(event)
  }

  function run({ sandbox, ...what }: RunOptions): DockerRun {
    const records = openListeners<Piece>(log)
    const container = runContainer({
      ...what,
      root: folder,
      rotation,
      binds: [`${sandbox}:/mnt/mesos/sandbox`],
      clock,
      log,
      onRecord: records.tell,
    })
    const entry = entryOf(container, what, sandbox, records)
    entries.set(container.id, entry)
    tell('create', entry)
    tell('start', entry)
    let stopping = false
    let oom = false
    const exited = container.exited.then((code) => {
      entry.running = false
      entry.usage = undefined
      if (oom) tell('oom', entry)
      tell('die', entry, { exitCode: String(code) })
      if (stopping) tell('stop', entry)
      return code
    })
    return {
      ...container,
      exited,
      stop(signal) {
        if (!entry.running) return
        stopping = true
        tell('kill', entry, { signal: signal === 'SIGTERM' ? '15' : '9' })
        container.kill(signal)
      },
      killFromOutside: () => container.kill('SIGKILL'),
      oomKill() {
        oom = true
        container.oomKill()
      },
    }
  }

  async function remove(id: string): Promise<void> {
    const entry = entries.get(id)
    if (!entry || entry.running) return
    entries.delete(id)
    tell('destroy', entry)
    await rm(join(folder, id), { recursive: true, force: true }).catch((error: unknown) => {
      log.warn(`cannot remove ${join(folder, id)}: ${explain(error)}`)
    })
  }

  const newestFirst = () => [...entries.values()].map(({ shown }) => shown).toReversed()

  return {
    root,
    socket,
    hostname,
    run,
    remove,
    measured(id, usage) {
      const entry = entries.get(id)
      if (entry?.running) entry.usage = usage
    },
    containers: newestFirst,
    container: (name) => find(newestFirst(), name.replace(/^\//, '')),
    events: () => [...kept],
    onEvent: listeners.add,
  }
}

function entryOf(
  container: Container,
  { name, image, labels }: Pick<RunOptions, 'name' | 'image' | 'labels'>,
  sandbox: string,
  records: Listeners<Piece>,
): Entry {
  const { id, dir, config, hostConfig, startedAt } = container
  const onlineCpus = availableParallelism()
  const entry: Entry = {
    running: true,
    usage: undefined,
    labels,
    shown: {
      id,
      name,
      image,
      imageId: config().Image,
      createdAt: startedAt,
      hostConfig,
      sandbox,
      onlineCpus,
      get status() {
        return entry.running ? 'running' : 'exited'
      },
      get config() {
        return config()
      },
      get usage() {
        return entry.usage
      },
      logFiles: () => logFiles(join(dir, `${id}-json.log`)),
      onRecord: records.add,
    },
  }
  return entry
}

/** The oldest first; the numbers of rotated files have no holes. */
function logFiles(path: string): string[] {
  const files: string[] = []
  for (let n = 1; existsSync(`${path}.${n}`); n++) files.unshift(`${path}.${n}`)
  return existsSync(path) ? [...files, path] : files
}

function find(containers: DockerContainer[], name: string): DockerContainer | undefined {
  const exact = containers.find((one) => one.id === name || one.name === name)
  if (exact || name === '') return exact
  const beginning = containers.filter(({ id }) => id.startsWith(name))
  return beginning.length === 1 ? beginning[0] : undefined
}

/** Events have times of their own: `since` and `until` tell them apart. */
function risingTime(clock: Clock): () => bigint {
  let last = 0n
  return () => {
    const now = BigInt(Math.trunc(clock.now())) * 1_000_000n
    last = now > last ? now : last + 1n
    return last
  }
}
