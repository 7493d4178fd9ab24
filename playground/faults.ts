import { pause, type Clock } from '../pipeline/clock.ts'
import type { Acting, End } from './acting.ts'
import { apps, balanced, pods } from './apps.ts'
import type { LoadShape } from './load-shape.ts'
import type { Cluster } from './mesos/cluster.ts'
import type { Masters } from './mesos/masters.ts'
import type { EventsFault, Face, Leading, Misbehavior } from './misbehave.ts'
import { steady, type Traffic } from './traffic.ts'

/** What faults act on. */
export interface World {
  cluster: Cluster
  acting: Acting
  masters: Pick<Masters, 'misbehave' | 'loseLeader'>
  marathons: Leading & {
    misbehave(kind: Misbehavior | undefined): void
    disturbEvents(fault: EventsFault | undefined): void
  }
  /** By agent, in their order: its own API, and that of its Docker daemon. */
  agents: readonly { agentId: string; mesos: Face; docker: Face }[]
  traffic: Pick<Traffic, 'steer' | 'plan'>
  /** Begins a rolling deployment of an app. Throws where Marathon refuses. */
  deploy(app: string): void
  clock: Clock
}

/** A parameter: what it is, what it is unless given, and how far it may go. */
export interface Amount {
  of: string
  usual: number
  min: number
  max: number
}

export interface FaultArguments {
  service: string
  amount: number
  seconds: number
}

export interface FaultKind {
  /** One sentence for the person who is about to cause it. */
  description: string
  /** Those that can have it, the usual one first; none: it is no matter of a service. */
  services?: readonly [string, ...string[]]
  amount?: Amount
  /** How long it lasts unless told otherwise; `calm`: until `calm`; absent: it is over at once. */
  seconds?: number | 'calm'
  /** Of those with the same slot (and service) only one goes on at a time; its name unless set. */
  slot?: string
  /** Resolves when it has begun, with what ends it, if it lasts. Throws a Trouble where it cannot be. */
  begin(world: World, given: FaultArguments): Promise<End | undefined>
}

const [web, worker, payments, search] = [balanced, '/shop/worker', '/shop/payments', '/shop/search']

type Services = readonly [string, ...string[]]
const webFirst = (definitions: readonly Record<string, unknown>[]): Services => {
  const others = definitions.map(({ id }) => String(id)).filter((id) => id !== web)
  return [web, ...others]
}
const anyApp = webFirst(apps)
const any = webFirst([...apps, ...pods])

const over = undefined
const nothingToEnd: End = async () => {}
const instances: Amount = { of: 'instances', usual: 1, min: 1, max: 8 }
const agentNumber: Amount = { of: 'the number of the agent', usual: 1, min: 1, max: 2 }

const ofServices = {
  errors: {
    description:
      'The service fails at its work and logs errors, on the web for the percentage of its requests.',
    services: [web, worker, payments, search],
    amount: { of: 'percent of its work', usual: 90, min: 1, max: 100 },
    seconds: 'calm',
    begin: ({ acting }, { service, amount }) => acting.all(service, 'errors', amount),
  },
  silence: {
    description: 'The service lives on but prints nothing any more.',
    services: [worker, ...any.filter((id) => id !== worker)],
    seconds: 'calm',
    begin: ({ acting }, { service }) => acting.all(service, 'silence'),
  },
  kill: {
    description: 'Instances are killed (SIGKILL); Marathon starts new ones.',
    services: any,
    amount: instances,
    async begin({ acting }, { service, amount }) {
      acting.kill(service, amount)
      return over
    },
  },
  oom: {
    description: 'Instances take more and more memory until they are killed for it.',
    services: any,
    amount: instances,
    async begin({ acting }, { service, amount }) {
      await acting.some(service, amount, 'oom')
      return over
    },
  },
  hang: {
    description: 'Instances stop answering and working; the health check finds out.',
    services: any,
    amount: instances,
    seconds: 'calm',
    begin: ({ acting }, { service, amount }) => acting.some(service, amount, 'hang'),
  },
  burst: {
    description: 'One instance of /shop/web prints debug lines as fast as it can.',
    services: [web],
    amount: { of: 'lines', usual: 20_000, min: 1, max: 1_000_000 },
    async begin({ acting }, { service, amount }) {
      await acting.some(service, 1, 'burst', amount)
      return over
    },
  },
  'bad-lines': {
    description:
      '/shop/payments prints a line of 2 MB and, every 5 seconds, invalid UTF-8, NUL, broken JSON, terminal escapes and markup.',
    services: [payments],
    seconds: 'calm',
    begin: ({ acting }, { service }) => acting.all(service, 'bad-lines'),
  },
  deploy: {
    description: 'A new version is deployed, instance by instance.',
    services: anyApp,
    async begin({ deploy }, { service }) {
      deploy(service)
      return over
    },
  },
} satisfies Record<string, FaultKind>

function eventsFault(fault: EventsFault, description: string): FaultKind {
  return {
    description,
    seconds: 60,
    slot: 'events',
    async begin({ marathons }) {
      marathons.disturbEvents(fault)
      return async () => marathons.disturbEvents(undefined)
    },
  }
}

function away(of: 'marathons' | 'masters', kind: Misbehavior, description: string): FaultKind {
  return {
    description,
    seconds: 20,
    slot: of,
    async begin(world) {
      world[of].misbehave(kind)
      return async () => world[of].misbehave(undefined)
    },
  }
}

function noLeader(of: 'marathons' | 'masters', description: string): FaultKind {
  return {
    description,
    seconds: 5,
    async begin(world, { seconds }) {
      void world[of].loseLeader(seconds * 1000)
      return nothingToEnd
    },
  }
}

/** The master needs a while to notice; in real clusters 75 s. */
const noticedAfterMs = 3000

const ofTheCluster = {
  'events-drop': eventsFault('drop', "Every second of Marathon's events does not arrive."),
  'events-double': eventsFault('double', "Every second of Marathon's events arrives twice."),
  'events-reorder': eventsFault(
    'reorder',
    "Every second of Marathon's events arrives after the next one.",
  ),
  'marathon-away': away('marathons', 'away', 'Nothing listens where Marathon should.'),
  'marathon-html': away('marathons', 'html', 'Marathon answers with a page instead of JSON.'),
  'marathon-503': away('marathons', '503', 'Marathon answers 503.'),
  'marathon-leader': noLeader(
    'marathons',
    'Marathon has no leader for some seconds; then another instance leads.',
  ),
  'mesos-away': away('masters', 'away', 'Nothing listens where the Mesos masters should.'),
  'mesos-html': away('masters', 'html', 'The Mesos masters answer with a page instead of JSON.'),
  'mesos-503': away('masters', '503', 'The Mesos masters answer 503.'),
  'mesos-leader': noLeader(
    'masters',
    'Mesos has no leader for some seconds; then the other master leads.',
  ),
  'docker-away': {
    description:
      "Nothing listens at the socket of an agent's Docker daemon; its containers run on.",
    amount: agentNumber,
    seconds: 20,
    async begin({ agents }, { amount }) {
      const docker = agents[amount - 1]?.docker
      docker?.misbehave('away')
      return async () => docker?.misbehave(undefined)
    },
  },
  'agent-away': {
    description:
      'An agent is cut off: its API does not answer, its tasks become unreachable; they run on.',
    amount: agentNumber,
    seconds: 30,
    async begin({ agents, cluster }, { amount }) {
      const agent = agents[amount - 1]
      if (!agent) return over
      const back = new AbortController()
      agent.mesos.misbehave('away')
      const noticed = pause(noticedAfterMs, back.signal).then(() => {
        if (!back.signal.aborted) cluster.setReachable(agent.agentId, false)
      })
      return async () => {
        back.abort()
        await noticed
        agent.mesos.misbehave(undefined)
        cluster.setReachable(agent.agentId, true)
      }
    },
  },
  'offers-scarce': {
    description: 'Mesos offers nothing: whatever should be started has to wait.',
    seconds: 60,
    async begin({ cluster }) {
      cluster.setScarce(true)
      return async () => cluster.setScarce(false)
    },
  },
} satisfies Record<string, FaultKind>

function load(shape: LoadShape, usual: number, lasting: number, description: string): FaultKind {
  return {
    description,
    amount: { of: 'requests a second', usual, min: 1, max: 400 },
    seconds: lasting,
    slot: 'load',
    async begin({ traffic, clock }, { amount, seconds }) {
      const { base } = traffic.plan()
      const period = shape === 'ramp' ? seconds / 2 : seconds
      traffic.steer({ shape, base, amount, period, startedAt: clock.now() })
      return async () => traffic.steer(steady(base, clock))
    },
  }
}

const ofTheLoad = {
  'load-step': load(
    'step',
    75,
    60,
    'Visitors of /shop/web are suddenly many, and after that time few again.',
  ),
  'load-ramp': load(
    'ramp',
    75,
    120,
    'Visitors become more and more for half of that time, stay for the other half, then few again.',
  ),
  'load-sine': load(
    'sine',
    75,
    120,
    'Visitors become many and few again, like day and night, once in that time.',
  ),
  'load-spike': load(
    'spike',
    120,
    100,
    'Very many visitors come at once, for a tenth of that time.',
  ),
} satisfies Record<string, FaultKind>

/** All but `calm` and `load-calm`, which end others. */
export const faultKinds: Readonly<Record<string, FaultKind>> = {
  ...ofServices,
  ...ofTheCluster,
  ...ofTheLoad,
}
