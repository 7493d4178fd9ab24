import { openHistory } from './history.ts'

export interface Instance {
  id: string
  /** Seconds. */
  readyAt: number
}

/** A service as whoever scales it sees it. */
export interface Cluster {
  /** Now, s. */
  readonly t: number
  readonly wanted: number
  readonly instances: readonly Instance[]
  ready(): Instance[]
  /** All that are wanted are ready: until then a change is under way. */
  isSettled(): boolean
  scale(wanted: number): void
  /** Mean load of the `seconds` up to so long ago, all together. */
  totalOver(seconds: number, agoSeconds?: number): number
  /** Mean load of one instance while it was ready, of the last `seconds`; undefined where it never was. */
  eachOver(instance: Instance, seconds: number): number | undefined
}

export interface ClusterOptions {
  instances: number
  /** From being wanted to being ready, s. */
  startSeconds: number
}

/** One on a clock of its own: instances need time to start, and share the load evenly. */
export interface SimulatedCluster extends Cluster {
  /** A second passes with so much load. */
  pass(load: number): void
}

export function openCluster({ instances: count, startSeconds }: ClusterOptions): SimulatedCluster {
  const history = openHistory()
  let made = 0
  const make = (readyAt: number): Instance => ({ id: `task.${made++}`, readyAt })
  let instances = Array.from({ length: count }, () => make(0))
  let wanted = count

  return {
    get t() {
      return history.t
    },
    get wanted() {
      return wanted
    },
    get instances() {
      return instances
    },
    ready() {
      return instances.filter(({ readyAt }) => readyAt <= history.t)
    },
    isSettled() {
      return this.ready().length === wanted
    },
    scale(next) {
      const more = Math.max(0, next - instances.length)
      const added = Array.from({ length: more }, () => make(history.t + startSeconds))
      // The youngest go first, as Marathon does it.
      instances = [...instances, ...added].slice(0, next)
      wanted = next
    },
    pass(load) {
      history.add(load, this.ready().length)
    },
    totalOver: history.totalOver,
    eachOver: ({ readyAt }, seconds) => history.eachOver(readyAt, seconds),
  }
}
