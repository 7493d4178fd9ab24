import type { Bus, BusRecord } from './bus/bus.ts'
import { pause, type Clock } from './clock.ts'
import type { Health, HealthStatus } from './health.ts'
import { within } from './within.ts'

/*
 * Each process of a cluster says on the compacted topic `processes` how it is, so that whoever shows one page knows of all. One that
 * ends takes its word back; of one that is killed the last word stands, and grows old.
 */

/** One process, as it told last. */
export interface Presence {
  v: 1
  host: string
  roles: readonly string[]
  /** When it told this, ms. */
  atMs: number
  health: Health
}

export interface ProcessView extends Omit<Presence, 'v'> {
  /** Of its data directory; the same after a restart. */
  id: string
  /** As it told; amber where it has not been heard of for long. */
  status: HealthStatus
  isSilent: boolean
}

const tellMs = 10_000
const lookMs = 1000
const goodbyeMs = 2000
/** Three words have not come. */
const silentMs = 40_000
/** One that is gone for so long was replaced, or is missed by now. */
const forgottenMs = 30 * 60_000

export interface AnnounceOptions extends Pick<Presence, 'host' | 'roles'> {
  id: string
  bus: Pick<Bus, 'produce'>
  health: () => Health
  clock: Clock
}

/** Tells how this process is whenever that changes, and each ten seconds. While the bus is away nobody hears it: that tells as well. */
export function announce({ id, host, roles, bus, health, clock }: AnnounceOptions) {
  const stop = new AbortController()
  let told = ''
  let toldMs = -Infinity

  async function tell(): Promise<void> {
    const now = health()
    const state = JSON.stringify(now.components.map(({ name, status }) => [name, status]))
    const atMs = clock.now()
    if (state === told && atMs - toldMs < tellMs) return
    const presence: Presence = { v: 1, host, roles, atMs, health: now }
    await bus.produce('processes', [{ key: id, value: Buffer.from(JSON.stringify(presence)) }])
    told = state
    toldMs = atMs
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      await tell().catch(() => {})
      await pause(lookMs, stop.signal)
    }
  }

  const running = run()
  return {
    /** Nobody waits long to be told good-bye. */
    async close() {
      stop.abort()
      const goodbye = running.then(() =>
        bus.produce('processes', [{ key: id, value: new Uint8Array() }]),
      )
      await within(goodbye, goodbyeMs).catch(() => {})
    },
  }
}

export interface Processes {
  /** Those in trouble first, then by host. */
  all(): ProcessView[]
  close(): Promise<void>
}

/** Follows what all processes tell. Rejects if the bus is away. */
export async function followProcesses({
  bus,
  clock,
}: {
  bus: Pick<Bus, 'snapshot' | 'read'>
  clock: Clock
}): Promise<Processes> {
  const known = new Map<string, Presence>()
  const stop = new AbortController()
  const { latest, ends } = await bus.snapshot('processes')
  for (const record of latest.values()) learn(record)

  function learn({ key, value }: BusRecord): void {
    const presence = readPresence(value)
    if (presence) known.set(key, presence)
    else known.delete(key)
  }

  async function follow(): Promise<void> {
    while (!stop.signal.aborted) {
      for (const [partition, offset] of ends.entries()) {
        // What cannot be read shows in that all grow silent.
        const batch = await bus
          .read('processes', partition, offset, { maxBytes: 2 ** 20 })
          .catch(() => undefined)
        for (const record of batch?.records ?? []) learn(record)
        ends[partition] = batch?.next ?? offset
      }
      await pause(lookMs, stop.signal)
    }
  }

  function viewOf([id, presence]: [string, Presence]): ProcessView {
    const { host, roles, atMs, health } = presence
    const isSilent = clock.now() - atMs > silentMs
    const status = isSilent && health.status === 'green' ? 'amber' : health.status
    return { id, host, roles, atMs, health, status, isSilent }
  }

  const following = follow()
  return {
    all: () =>
      [...known]
        .filter(([, { atMs }]) => clock.now() - atMs <= forgottenMs)
        .map(viewOf)
        .toSorted((a, b) => rank(a) - rank(b) || (a.host < b.host ? -1 : 1)),
    async close() {
      stop.abort()
      await following
    },
  }
}

const rank = ({ status }: ProcessView) => ['red', 'amber', 'green'].indexOf(status)

/** Undefined for an empty value, and for what another version may have written. */
function readPresence(value: Uint8Array): Presence | undefined {
  try {
    const presence = JSON.parse(Buffer.from(value).toString('utf8')) as Partial<Presence> | null
    const isSound =
      presence?.v === 1 &&
      typeof presence.host === 'string' &&
      Array.isArray(presence.roles) &&
      Number.isFinite(presence.atMs) &&
      Array.isArray(presence.health?.components)
    return isSound ? (presence as Presence) : undefined
  } catch {
    return undefined
  }
}
