import type { LoadPlan } from './load-shape.ts'

/**
 * What goes over the IPC channel between the playground and its sample services.
 */

/** Faults that a service itself must act out. */
export const actedFaults = ['errors', 'silence', 'burst', 'bad-lines', 'hang', 'oom'] as const
export type ActedFault = (typeof actedFaults)[number]

/** From the playground to a service. */
export type Order =
  /** `amount`: percent of requests that fail (errors), lines (burst). */
  | { kind: 'fault'; fault: ActedFault; on: boolean; amount?: number }
  /** For the load balancer: the ports of the instances on 127.0.0.1 that may be asked. */
  | { kind: 'targets'; ports: number[] }
  /** For the load generator: what to ask (a port of 127.0.0.1), and how much. */
  | { kind: 'load'; port: number; plan: LoadPlan }

/** From a service to the playground, once: it works. `port` if it listens. */
export interface Ready {
  kind: 'ready'
  port?: number
}

/** From the load generator, once a second: what became of the requests of one second. */
export interface LoadSecond {
  kind: 'load'
  /** Second since the epoch. */
  second: number
  /** What the plan asks for. */
  wanted: number
  sent: number
  /** Answered with less than 500, and answered with 500 or more, by the second of the answer. */
  answered: number
  failed: number
  /** No answer within two seconds, or none at all. */
  unanswered: number
  /** Not sent, because too many were waiting for an answer. */
  dropped: number
  /** Of all that were answered, ms: the middle and the slowest. */
  medianMs: number
  slowestMs: number
}
