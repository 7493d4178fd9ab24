import type { Clock } from '../pipeline/clock.ts'
import { readConnection, type ConnectionSettings } from '../pipeline/http-connection.ts'
import { openHttp } from '../pipeline/http.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { openAgentSandboxes, type AgentSandboxesOptions } from './agent-sandboxes.ts'
import type { KnownAgent } from './mesos-agent-book.ts'
import { openMesosAgentCollector } from './mesos-agent.ts'
import { openMesosMasterCollector } from './mesos-master.ts'
import type { Collector, Sink } from './sink.ts'

interface Shared extends ConnectionSettings {
  /** Part of the keys of its positions: must not change between starts. */
  name: string
  /** How often it is measured, ms. */
  intervalMs: number
  cluster?: string | undefined
  /** Mesos ids of containers that Docker's collectors of this process measure. */
  measured: { has(container: string): boolean }
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
}

export interface MesosMasterSettings extends Shared {
  /** Addresses of the masters: the leader is found among them. */
  urls: readonly string[]
  /** Also ask each agent that the master lists. */
  agents: boolean
  /** `host:port` of agents that have a collector of their own in this process. */
  ownAgents: { has(address: string): boolean }
}

export interface MesosAgentSettings extends Shared {
  url: string
}

/**
 * Opens the collector of a Mesos cluster. Rejects with a Trouble for an address, login or certificate that cannot be used,
 * never because Mesos is away.
 */
export function openMesosMaster(options: MesosMasterSettings): Promise<Collector> {
  const { urls, agents, ownAgents, ...shared } = options
  const connection = readConnection(options)
  const client = openHttp({ urls, name: 'the Mesos master', ...connection })
  const protocol = urls[0]?.startsWith('https:') ? 'https' : 'http'

  /** The login goes to agents as well: whoever may see the cluster's tasks may see what they use. */
  function openAgent({ address = '', hostname }: KnownAgent): Promise<Collector> {
    const name = `the Mesos agent at ${address}`
    const agent = openHttp({ urls: [`${protocol}://${address}`], name, ...connection })
    const known = { place: address, hostname, tellTasks: false }
    return openMesosAgentCollector({ ...shared, ...known, client: agent })
  }

  /** Its own collector may name the host where the master knows the address. */
  const isOurs = ({ address = '', hostname }: KnownAgent) => {
    const port = address.slice(address.lastIndexOf(':'))
    return !ownAgents.has(address) && !ownAgents.has(`${hostname}${port}`)
  }
  return openMesosMasterCollector({
    ...shared,
    client,
    ...(agents ? { openAgent, isAsked: isOurs } : {}),
  })
}

export interface MesosFilesSettings
  extends ConnectionSettings, Omit<AgentSandboxesOptions, 'client' | 'place'> {
  url: string
}

/** Opens the collector of what an agent's containers print, likewise. */
export function openMesosFiles({ url, ...options }: MesosFilesSettings): Promise<Collector> {
  const { host } = new URL(url)
  const connection = readConnection(options)
  const client = openHttp({ urls: [url], name: `the Mesos agent at ${host}`, ...connection })
  return openAgentSandboxes({ ...options, place: host, client })
}

/** Opens the collector of one agent, likewise. */
export function openMesosAgent({ url, ...options }: MesosAgentSettings): Promise<Collector> {
  const { host } = new URL(url)
  const client = openHttp({
    urls: [url],
    name: `the Mesos agent at ${host}`,
    ...readConnection(options),
  })
  return openMesosAgentCollector({ ...options, place: host, client, tellTasks: true })
}
