/** A service in a cluster on a clock of its own: instances need time to start, and share the load evenly. */
export interface ClusterOptions {
  instances: number
  /** From being wanted to being ready, s. */
  startSeconds: number
}

export interface Instance {
  id: string
  /** Seconds. */
  readyAt: number
}

export interface Cluster {
  /** Now, s. */
  t: number
  wanted: number
  instances: readonly Instance[]
  ready(): Instance[]
  /** All that are wanted are ready: until then a change is under way. */
  isSettled(): boolean
  scale(wanted: number): void
  /** A second passes with so much load. */
  pass(load: number): void
  /** Mean load of the `seconds` up to so long ago, all together. */
  totalOver(seconds: number, agoSeconds?: number): number
  /** Mean load of one instance while it was ready, of the last `seconds`; undefined where it never was. */
  eachOver(instance: Instance, seconds: number): number | undefined
}

export function openCluster({ instances: count, startSeconds }: ClusterOptions): Cluster {
  const history: { load: number; each: number }[] = []
  let made = 0
  const make = (readyAt: number): Instance => ({ id: `task.${made++}`, readyAt })
  let instances = Array.from({ length: count }, () => make(0))

  return {
    t: 0,
    wanted: count,
    get instances() {
      return instances
    },
    ready() {
      return instances.filter(({ readyAt }) => readyAt <= this.t)
    },
    isSettled() {
      return this.ready().length === this.wanted
    },
    scale(wanted) {
      const more = Math.max(0, wanted - instances.length)
      const added = Array.from({ length: more }, () => make(this.t + startSeconds))
      // The youngest go first, as Marathon does it.
      instances = [...instances, ...added].slice(0, wanted)
      this.wanted = wanted
    },
    pass(load) {
      history.push({ load, each: load / Math.max(1, this.ready().length) })
      this.t++
    },
    totalOver(seconds, agoSeconds = 0) {
      const to = Math.max(0, this.t - agoSeconds)
      return mean(history.slice(Math.max(0, to - seconds), to).map(({ load }) => load))
    },
    eachOver({ readyAt }, seconds) {
      const from = Math.max(readyAt, this.t - seconds, 0)
      const own = history.slice(from)
      return own.length === 0 ? undefined : mean(own.map(({ each }) => each))
    },
  }
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
