import type { Clock } from '../../pipeline/clock.ts'
import type { Cluster } from '../mesos/cluster.ts'
import type { Masters } from '../mesos/masters.ts'
import type { EventsFault, Face, Leading, Misbehavior } from '../misbehave.ts'
import type { Traffic } from '../traffic.ts'
import type { Acting, End } from './acting.ts'

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
