/** What a part of the program says of itself. */
export interface Component {
  name: string
  /** What is wrong, with the remedy; undefined while all is well. */
  trouble(): string | undefined
  /** How far behind now it is, seconds. */
  behindSeconds?(): number | undefined
  /** True if the program is of no use while this is in trouble. */
  vital?: boolean
  /** What of it is behind, service by service. */
  lags?(): Lag[]
}

/** What has been written there and has not been read yet. */
export interface Lag {
  service: string
  /** A container, a file. */
  input: string
  /** All that was written before so long ago has been read. */
  seconds: number
  /** Why, if it cannot be read. */
  trouble?: string
}

export type HealthStatus = 'green' | 'amber' | 'red'

export interface Health {
  status: HealthStatus
  components: {
    name: string
    status: HealthStatus
    trouble?: string
    behindSeconds?: number
  }[]
  /** The largest of each service; absent where nothing is behind. */
  lags?: Lag[]
}

const mostLags = 100

/** Further behind than this is amber: data flows, but not as fast as it comes. */
const maxBehindSeconds = 30

/** The state of the whole is that of its worst part, and the parts in trouble are named. */
export function healthOf(components: readonly Component[]): Health {
  const parts = components.map(componentHealth)
  const worst = (['red', 'amber'] as const).find((status) =>
    parts.some((part) => part.status === status),
  )
  const lags = worstLags(components.flatMap((component) => component.lags?.() ?? []))
  return {
    status: worst ?? 'green',
    components: parts,
    ...(lags.length === 0 ? {} : { lags: lags.slice(0, mostLags) }),
  }
}

/** Of each service the worst, worst first. */
export function worstLags(all: readonly Lag[]): Lag[] {
  const worst = new Map<string, Lag>()
  for (const lag of all) {
    const known = worst.get(lag.service)
    if (!known || known.seconds < lag.seconds) worst.set(lag.service, lag)
  }
  return [...worst.values()].toSorted((a, b) => b.seconds - a.seconds)
}

function componentHealth({
  name,
  trouble,
  behindSeconds,
  vital = false,
}: Component): Health['components'][number] {
  const wrong = trouble()
  const behind = behindSeconds?.()
  const late = behind !== undefined && behind > maxBehindSeconds
  const status = wrong ? (vital ? 'red' : 'amber') : late ? 'amber' : 'green'
  const told = wrong ?? (late ? `is ${Math.round(behind)} s behind` : undefined)
  return {
    name,
    status,
    ...(told === undefined ? {} : { trouble: told }),
    ...(behind === undefined ? {} : { behindSeconds: behind }),
  }
}
