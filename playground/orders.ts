/**
 * What goes over the IPC channel between the playground and its sample services.
 */

/** Faults that a service itself must act out. */
export const actedFaults = ['errors', 'silence', 'burst', 'bad-lines'] as const
export type ActedFault = (typeof actedFaults)[number]

/** From the playground to a service. */
export type Order =
  | { kind: 'fault'; fault: ActedFault; on: boolean }
  /** For the load generator: the ports of the web instances on 127.0.0.1. */
  | { kind: 'targets'; ports: number[] }

/** From a service to the playground, once: it works. `port` if it listens. */
export interface Ready {
  kind: 'ready'
  port?: number
}
