import { setMaxListeners } from 'node:events'
import { rm } from 'node:fs/promises'
import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import { containerName, offeredPort, taskEnv, taskId, type App } from './demo-apps.ts'
import { runContainer, type Container } from './container.ts'
import type { Rotation } from './docker-config.ts'
import { serviceArgv } from './launch.ts'
import type { Ready } from './orders.ts'

/** One task: running, or over and not yet forgotten. */
export interface Task {
  service: App['id']
  task: string
  /** 64 hex digits. */
  container: string
  pid: number
  /** ms since the epoch. */
  startedAt: number
  /** undefined while it runs. */
  exitCode: number | undefined
}

export interface SuperviseOptions {
  apps: readonly App[]
  /** The folder of all containers. */
  root: string
  rotation: Rotation
  /** A task that ended is replaced after this time. */
  restartAfterMs: number
  /** The folder of a container that ended is removed after this time. */
  removeAfterMs: number
  seed: string
  clock: Clock
  log: Logger
  onReady(app: App, container: Container, ready: Ready): void
  onExit(container: Container): void
}

export interface Supervisor {
  tasks(): Task[]
  /** The running containers of an app, oldest first. */
  running(app: App['id']): Container[]
  /** Ends all processes; resolves when the last one is gone. */
  close(): Promise<void>
}

const stopWithinMs = 2000

interface Entry {
  task: Task
  container: Container
  /** Its end is known everywhere. */
  over: Promise<void>
}

/** Keeps the apps' instances running as Marathon would: who dies is replaced by a new task with new ids. */
export function supervise(options: SuperviseOptions): Supervisor {
  const { apps, clock, log, restartAfterMs, removeAfterMs } = options
  const entries = new Set<Entry>()
  const closing = new AbortController()
  setMaxListeners(0, closing.signal)
  let started = 0

  function start(app: App): Container {
    const place = {
      task: taskId(app),
      name: containerName(),
      port: offeredPort(),
      seed: `${options.seed}/${started++}`,
    }
    const container = runContainer({
      root: options.root,
      name: place.name,
      image: app.image,
      env: taskEnv(app, place),
      labels: { MESOS_TASK_ID: place.task },
      argv: serviceArgv(app.service),
      rotation: options.rotation,
      clock,
      log,
      onReady: (ready) => options.onReady(app, container, ready),
    })
    const { id, pid, startedAt } = container
    const task: Task = {
      service: app.id,
      task: place.task,
      container: id,
      pid,
      startedAt,
      exitCode: undefined,
    }
    const over = end(container, task)
    const entry: Entry = { task, container, over }
    entries.add(entry)
    void over.then(() => forget(entry))
    return container
  }

  async function end(container: Container, task: Task): Promise<void> {
    task.exitCode = await container.exited
    options.onExit(container)
  }

  async function forget(entry: Entry): Promise<void> {
    await pause(removeAfterMs, closing.signal)
    if (closing.signal.aborted) return
    entries.delete(entry)
    await rm(entry.container.dir, { recursive: true, force: true }).catch((error: unknown) => {
      log.warn(`cannot remove ${entry.container.dir}: ${explain(error)}`)
    })
  }

  /** A disk that refuses must not end the playground: it is tried again, as after a task's end. */
  function attempt(app: App): Container | undefined {
    try {
      return start(app)
    } catch (error) {
      log.error(`cannot start a task of ${app.id}: ${explain(error)}`)
      return undefined
    }
  }

  async function keepInstance(app: App): Promise<void> {
    while (!closing.signal.aborted) {
      await attempt(app)?.exited
      await pause(restartAfterMs, closing.signal)
    }
  }

  async function keepBatch(app: App, everyMs: number): Promise<void> {
    while (!closing.signal.aborted) {
      attempt(app)
      await pause(everyMs, closing.signal)
    }
  }

  const loops = apps.flatMap((app) =>
    Array.from({ length: app.instances }, () =>
      app.everyMs === undefined ? keepInstance(app) : keepBatch(app, app.everyMs),
    ),
  )

  function alive(): Entry[] {
    return [...entries].filter(({ task }) => task.exitCode === undefined)
  }

  async function close(): Promise<void> {
    closing.abort()
    const left = alive()
    for (const { container } of left) container.kill('SIGTERM')
    const patience = setTimeout(() => {
      for (const { container } of alive()) container.kill('SIGKILL')
    }, stopWithinMs)
    await Promise.all([...loops, ...left.map(({ over }) => over)])
    clearTimeout(patience)
  }

  return {
    tasks: () => [...entries].map(({ task }) => ({ ...task })),
    running: (app) =>
      alive()
        .filter(({ task }) => task.service === app)
        .map(({ container }) => container),
    close,
  }
}
