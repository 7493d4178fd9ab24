/** Where everything of a running playground is. */
export interface Addresses {
  /** Of the Mesos masters; the first one leads at first. */
  masters: string[]
  agents: AgentAddress[]
  /** Of the Marathons; the first one leads at first. */
  marathons: string[]
  mailCatcher: { host: string; port: number }
  /** Before the web instances. */
  balancer: string
  /** The API that this playground is steered with. */
  control: string
}

export interface AgentAddress {
  url: string
  hostname: string
  /** As `/var/lib/docker`; the containers' logs are in `containers/`. */
  dockerRoot: string
  dockerSocket: string
  /** Sandboxes are below it. */
  workDir: string
}

/** What a running playground leaves in `<dir>/playground.json`, for this user alone. */
export interface PlaygroundFile extends Addresses {
  pid: number
  /** Who steers it has to send it: `Authorization: Bearer …`. */
  token: string
}

export const playgroundFile = 'playground.json'

/** A task of the playground, as its control API tells of it. */
export interface TaskView {
  id: string
  service: string
  framework: string
  state: string
  agent: string
  containerId: string
  /** Docker's, 64 hex digits. */
  docker?: string
  pid?: number
  ports: number[]
  sandbox: string
  message?: string
  exit?: { code: number; signal?: string; oomKilled: boolean }
  /** Bytes, and seconds of CPU. */
  rss?: number
  cpuSeconds?: number
}
