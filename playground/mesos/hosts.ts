import { mkdtempSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../pipeline/clock.ts'
import type { Logger } from '../../pipeline/log.ts'
import type { Rotation } from '../docker-config.ts'
import { openDockerEngine, type DockerEngine } from '../docker/engine.ts'
import { openLedger, type Ledger } from './ledger.ts'
import { listeningPorts } from './listening.ts'
import type { Agent, Resources } from './model.ts'

/** A machine of the cluster: a Mesos agent and a Docker daemon. */
export interface Host {
  agent: Agent
  ledger: Ledger
  engine: DockerEngine
  /** Removes its socket. */
  close(): void
}

export interface AgentPlan {
  /** Name of its directory. */
  name: string
  hostname: string
  attributes: Record<string, string | number>
  total: Resources
  ports: [number, number]
}

const total: Resources = { cpus: 4, mem: 4096, disk: 20_480 }
export const agentPlans: readonly AgentPlan[] = [
  {
    name: 'agent-1',
    hostname: 'agent-1.playground',
    attributes: { rack: 'r1', zone: 'a' },
    total,
    ports: [31_000, 31_499],
  },
  {
    name: 'agent-2',
    hostname: 'agent-2.playground',
    attributes: { rack: 'r2', zone: 'b' },
    total,
    ports: [31_500, 31_999],
  },
]

export interface HostOptions {
  dir: string
  masterId: string
  index: number
  rotation: Rotation
  chance(): number
  clock: Clock
  log: Logger
}

export function openHost(plan: AgentPlan, options: HostOptions): Host {
  const { dir, masterId, index, rotation, chance, clock, log } = options
  const home = join(dir, plan.name)
  mkdirSync(home, { recursive: true })
  const socket = socketPath(home)
  const dockerRoot = join(home, 'docker')
  const { hostname, attributes, ports } = plan
  const agent: Agent = {
    id: `${masterId}-S${index}`,
    hostname,
    attributes,
    total: plan.total,
    ports,
    port: 0,
    registeredAt: clock.now(),
    active: true,
    dockerRoot,
    dockerSocket: socket.path,
    workDir: join(home, 'mesos'),
  }
  const ledger = openLedger({ agent, listening: listeningPorts, chance })
  const engine = openDockerEngine({
    root: dockerRoot,
    socket: socket.path,
    hostname,
    rotation,
    clock,
    log,
  })
  return { agent, ledger, engine, close: socket.remove }
}

/** The OS allows about a hundred bytes: in a deep directory the socket has to be elsewhere. */
const longestSocket = 100

function socketPath(home: string): { path: string; remove(): void } {
  const path = join(home, 'docker.sock')
  if (Buffer.byteLength(path) <= longestSocket) {
    return { path, remove: () => rmSync(path, { force: true }) }
  }
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-docker-'))
  return {
    path: join(dir, 'docker.sock'),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}
