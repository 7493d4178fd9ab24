import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../pipeline/clock.ts'
import { Trouble } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import { apps, type App } from './demo-apps.ts'
import type { Container } from './container.ts'
import { faultPlan, listFaults, type Fault, type FaultName } from './demo-faults.ts'
import type { ActedFault } from './orders.ts'
import { tidyLeftovers } from './leftovers.ts'
import { openMailCatcher, type CaughtMail, type MailCatcher } from './mail-catcher.ts'
import { supervise, type Task } from './supervise.ts'
import { startVisitors } from './visitors.ts'

/** Rotates while one looks, and a burst (4 MB) does not push out what was not read yet. */
const rotation = { maxSize: 1_000_000, maxFile: 6 }
const restartAfterMs = 3000
const removeAfterMs = 60_000
const keptLeftovers = 10

export interface PlaygroundOptions {
  /** Everything it writes is in here. */
  dir: string
  clock: Clock
  log: Logger
  /** Fixes what the services do by chance; ids and ports are new at each start. */
  seed?: string
  /** Of the mail catcher; any free one if not given. */
  mailPort?: number
}

/** A handful of real processes that look like Docker containers on Marathon, and a catcher for the mails about them. */
export interface Playground {
  /** Laid out as `/var/lib/docker/containers`. */
  containersRoot: string
  mailCatcher: MailCatcher
  /** The caught mails, oldest first. */
  mails(): CaughtMail[]
  /** All faults there are, and which go on now. */
  faults(): (Fault & { active: boolean })[]
  /**
   * Causes a fault, or ends all with `calm`; resolves when the processes were told.
   * Throws a {@link Trouble} for an unknown name, and where nothing runs that could have the fault.
   */
  apply(fault: string): Promise<void>
  /** The running tasks and those that ended within the last minute, oldest first. */
  tasks(): Task[]
  /** Ends all processes. */
  close(): Promise<void>
}

export async function startPlayground(options: PlaygroundOptions): Promise<Playground> {
  const { dir, clock, log, seed = randomUUID(), mailPort = 0 } = options
  const root = join(dir, 'containers')
  mkdirSync(root, { recursive: true })
  tidyLeftovers({ root, keep: keptLeftovers, clock, log })

  const mailCatcher = await openMailCatcher({ port: mailPort, clock })
  const visitors = startVisitors({ seed, log })
  const webPorts = new Map<Container, number>()
  const lasting = new Set<FaultName>()

  function onReady(app: App, container: Container, port: number | undefined): void {
    if (port !== undefined) {
      webPorts.set(container, port)
      visitors.visit([...webPorts.values()])
    }
    for (const { app: affected, acted } of [...lasting].map(faultPlan)) {
      if (acted && affected === app.id)
        void container.send({ kind: 'fault', fault: acted, on: true })
    }
  }

  function onExit(container: Container): void {
    if (webPorts.delete(container)) visitors.visit([...webPorts.values()])
  }

  const tasks = supervise({
    apps,
    root,
    rotation,
    restartAfterMs,
    removeAfterMs,
    seed,
    clock,
    log,
    onReady: (app, container, { port }) => onReady(app, container, port),
    onExit,
  })

  async function apply(name: string): Promise<void> {
    const plan = faultPlan(name)
    if (!plan.app) return calm()
    const running = tasks.running(plan.app)
    const first = running[0]
    if (!first) {
      throw new Trouble(`no instance of ${plan.app} is running`, {
        remedy: 'try again in a few seconds, when Marathon would have started one',
        retryable: true,
      })
    }
    if (plan.lasting) lasting.add(plan.name)
    const { acted } = plan
    if (!acted) first.kill('SIGKILL')
    else await tell(plan.single ? [first] : running, acted, true)
  }

  async function calm(): Promise<void> {
    const plans = [...lasting].map(faultPlan)
    lasting.clear()
    for (const { app, acted } of plans) {
      if (app && acted) await tell(tasks.running(app), acted, false)
    }
  }

  return {
    containersRoot: root,
    mailCatcher,
    mails: mailCatcher.mails,
    faults: () => listFaults().map((fault) => ({ ...fault, active: lasting.has(fault.name) })),
    apply,
    tasks: tasks.tasks,
    async close() {
      await Promise.all([visitors.close(), tasks.close()])
      await mailCatcher.close()
    },
  }
}

async function tell(containers: Container[], fault: ActedFault, on: boolean): Promise<void> {
  await Promise.all(containers.map((container) => container.send({ kind: 'fault', fault, on })))
}
