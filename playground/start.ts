import { randomUUID } from 'node:crypto'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Clock } from '../pipeline/clock.ts'
import type { Logger } from '../pipeline/log.ts'
import { ownDirectory, removeProcessFile } from '../pipeline/owner.ts'
import { openActing } from './faults/acting.ts'
import {
  playgroundFile,
  type Addresses,
  type AgentAddress,
  type PlaygroundFile,
} from './addresses.ts'
import { openFaults, type Faults } from './faults/apply.ts'
import { apps, balanced, pods } from './apps.ts'
import { openBatch } from './batch.ts'
import { openControl, type Control } from './control.ts'
import { openDockerFace } from './docker/face.ts'
import { tidyAgent } from './leftovers.ts'
import { openMailCatcher, type MailCatcher } from './mail-catcher.ts'
import { openMarathon, type Marathon } from './marathon/marathon.ts'
import { openMesosAgent } from './mesos/agent-api.ts'
import { openCluster, type Cluster } from './mesos/cluster.ts'
import { agentPlans } from './mesos/hosts.ts'
import { openMasters, type Masters } from './mesos/masters.ts'
import type { Agent } from './mesos/model.ts'
import type { Face } from './misbehave.ts'
import { openPrograms } from './programs.ts'
import { viewTask } from './task-view.ts'
import { openTraffic, type Traffic } from './traffic.ts'

export interface PlaygroundOptions {
  /** Everything it writes is in here. */
  dir: string
  clock: Clock
  log: Logger
  /** Of the control API; any free one unless set. */
  controlPort?: number
  /** Of the mail catcher; any free one unless set. */
  mailPort?: number
  /** Fixes what the services do by chance; ids and ports are new at each start. */
  seed?: string
  /** Requests a second on `/shop/web` while no fault changes it; 8 unless set. */
  load?: number
  /** Between two batch tasks, ms; 5 s unless set. */
  batchEveryMs?: number
}

/** A small cluster of real processes that stands in for Mesos, Marathon and Docker, and for the mail server. */
export interface Playground extends Addresses {
  /** Of the control API. */
  token: string
  cluster: Cluster
  marathon: Marathon
  catcher: MailCatcher
  traffic: Traffic
  faults: Faults
  /** Ends all processes. */
  close(): Promise<void>
}

const masterCount = 2

/**
 * Opens the cluster with its APIs, its apps and all that is around them. Rejects with nothing left running if something cannot
 * be opened; the instances of the apps may still be starting when it resolves.
 */
export async function startPlayground(options: PlaygroundOptions): Promise<Playground> {
  const { clock, log, seed = randomUUID(), load = 8 } = options
  const dir = resolve(options.dir)
  await using stack = new AsyncDisposableStack()
  const opened = <T extends { close(): Promise<void> | void }>(part: T) => {
    stack.defer(() => part.close())
    return part
  }
  const owner = ownDirectory(dir)
  stack.defer(() => owner.release())
  stack.defer(() => removeProcessFile(dir))
  for (const { name } of agentPlans) await tidyAgent({ dir: join(dir, name), clock, log })

  const programs = await openPrograms(join(dir, 'programs'))
  const cluster = opened(await openCluster({ dir, programs, clock, log, seed }))
  const agents = await openAgents(cluster, clock, opened)
  const masters = opened(await openMasters({ cluster, count: masterCount, clock }))
  const traffic = opened(await openTraffic({ programs, base: load, seed, clock, log }))
  const marathon = opened(await openMarathon({ cluster, clock, log, apps, pods }))
  marathon.onEndpoints(balanced, (found) => traffic.targets(found.map(({ port }) => port)))
  opened(openBatch({ cluster, everyMs: options.batchEveryMs ?? 5000, clock, log }))
  const catcher = opened(await openMailCatcher({ port: options.mailPort ?? 0, clock }))
  const faults = opened(
    openFaults(worldOf(cluster, masters, marathon, agents, traffic, clock), log),
  )

  const addresses = {
    masters: masters.urls,
    agents: agents.map(({ agent, mesos }) => addressOf(agent, mesos)),
    marathons: marathon.faces.map(({ url }) => url),
    mailCatcher: { host: catcher.host, port: catcher.port },
    balancer: traffic.url,
  }
  const control: Control = opened(
    await openControl({
      port: options.controlPort ?? 0,
      addresses: () => addresses,
      faults,
      mails: catcher.mails,
      tasks: () => cluster.tasks().map(viewTask),
      load: () => ({ plan: traffic.plan(), ledger: traffic.ledger() }),
      writes: marathon.writes,
    }),
  )
  const { url, token } = control
  const file = { pid: process.pid, token, ...addresses, control: url }
  writePlaygroundFile(dir, file)
  stack.defer(() => rmSync(join(dir, playgroundFile), { force: true }))

  const all = stack.move()
  const close = () => all.disposeAsync()
  return {
    ...addresses,
    control: url,
    token,
    cluster,
    marathon,
    catcher,
    traffic,
    faults,
    close,
  }
}

interface OpenAgent {
  agent: Agent
  agentId: string
  mesos: Face
  docker: Face
}

async function openAgents(
  cluster: Cluster,
  clock: Clock,
  opened: <T extends { close(): Promise<void> }>(part: T) => T,
): Promise<OpenAgent[]> {
  const open: OpenAgent[] = []
  for (const agent of cluster.agents()) {
    const mesos = opened(await openMesosAgent({ cluster, agent, clock }))
    agent.port = Number(new URL(mesos.url).port)
    const docker = opened(await openDockerFace({ model: cluster.docker(agent.id), clock }))
    open.push({ agent, agentId: agent.id, mesos, docker })
  }
  return open
}

function worldOf(
  cluster: Cluster,
  masters: Masters,
  marathon: Marathon,
  agents: OpenAgent[],
  traffic: Traffic,
  clock: Clock,
) {
  return {
    cluster,
    masters,
    agents,
    traffic,
    clock,
    acting: openActing(cluster),
    marathons: {
      loseLeader: marathon.loseLeader,
      disturbEvents: marathon.disturbEvents,
      misbehave: (kind: Parameters<Face['misbehave']>[0]) => {
        for (const face of marathon.faces) face.misbehave(kind)
      },
    },
    deploy: (app: string) => void marathon.deploy(app),
  }
}

function addressOf(
  { hostname, dockerRoot, dockerSocket, workDir }: Agent,
  { url }: Face,
): AgentAddress {
  return { url, hostname, dockerRoot, dockerSocket, workDir }
}

/** Whole, or not at all: others may be looking for it. */
function writePlaygroundFile(dir: string, content: PlaygroundFile): void {
  const path = join(dir, playgroundFile)
  writeFileSync(`${path}.new`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}
