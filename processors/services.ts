import type { Batch, Bus, BusRecord } from '../pipeline/bus/bus.ts'
import { pause } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { marathonKey, type MarathonState, type ServiceState } from '../pipeline/service-state.ts'
import { readable } from './dead.ts'

/** How services stand in Marathon, as it told last. What is read here is changed by nobody. */
export interface Services {
  all(): ServiceState[]
  get(service: string): ServiceState | undefined
  marathon(): MarathonState[]
  /** Set while records of the topic `services` cannot be read, or some were not understood. */
  trouble(): string | undefined
  close(): Promise<void>
}

export interface ServicesOptions {
  bus: Bus
  metrics: Metrics
  log: Logger
}

const pollMs = 50
const readLimits = { maxBytes: 2 ** 20 }

/** Follows the compacted topic `services`: first what it holds, then what comes. Rejects if the bus is away. */
export async function openServices({ bus, metrics, log }: ServicesOptions): Promise<Services> {
  const services = new Map<string, ServiceState>()
  const marathons = new Map<string, MarathonState>()
  /** By key: a good record mends it. */
  const bad = new Map<string, string>()
  let failure: string | undefined
  const { latest, ends } = await bus.snapshot('services')
  take({ topic: 'services', partition: 0, records: [...latest.values()] })
  const stop = new AbortController()

  function take(batch: Pick<Batch, 'topic' | 'partition' | 'records'>): void {
    readable(batch, (record) => {
      try {
        learn(record)
        bad.delete(record.key)
      } catch (error) {
        const reason = explain(error)
        bad.set(record.key, reason)
        metrics.malformed_services_total.inc()
        log.warn({ key: record.key, reason }, 'the state of a service was not understood: skipped')
      }
    })
  }

  function learn({ key, value }: BusRecord): void {
    const states = key.startsWith(marathonKey('')) ? marathons : services
    if (value.length === 0) states.delete(key)
    else if (states === marathons) marathons.set(key, readMarathon(parse(value)))
    else services.set(key, readService(parse(value), key))
  }

  async function follow(): Promise<void> {
    while (!stop.signal.aborted) {
      for (const [partition, offset] of ends.entries()) await readOn(partition, offset)
      await pause(pollMs, stop.signal)
    }
  }

  async function readOn(partition: number, offset: number): Promise<void> {
    try {
      const batch = await bus.read('services', partition, offset, readLimits)
      take(batch)
      ends[partition] = batch.next
      failure = undefined
    } catch (error) {
      failure = `the states of services cannot be read: ${explain(error)}`
    }
  }

  function notUnderstood(): string | undefined {
    const [first] = bad
    if (!first) return undefined
    const others = bad.size > 1 ? ` (and ${bad.size - 1} more)` : ''
    return `the state of ${first[0]}${others} was not understood: ${first[1]}`
  }

  const following = follow()
  return {
    all: () => [...services.values()],
    get: (service) => services.get(service),
    marathon: () => [...marathons.values()],
    trouble: () => failure ?? notUnderstood(),
    async close() {
      stop.abort()
      await following
    },
  }
}

function parse(value: Uint8Array): Record<string, unknown> {
  const parsed: unknown = JSON.parse(Buffer.from(value).toString('utf8'))
  if (!isObject(parsed) || parsed['v'] !== 1) throw new TypeError('not a state of version 1')
  return parsed
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const counts = ['atMs', 'instances', 'staged', 'running', 'healthy', 'unhealthy'] as const

/** Who reads a state relies on these fields; all others are optional. */
function readService(state: Record<string, unknown>, key: string): ServiceState {
  if (state['service'] !== key) throw new TypeError('it names another service than its key')
  const wrong = counts.find((name) => !Number.isFinite(state[name]))
  if (wrong !== undefined) throw new TypeError(`${wrong} is no number`)
  for (const list of ['tasks', 'deployments']) {
    const items = state[list]
    if (!Array.isArray(items) || !items.every((item) => typeof item?.id === 'string')) {
      throw new TypeError(`${list} is no list of things with an id`)
    }
  }
  if (!isObject(state['labels']) || !isObject(state['env'])) {
    throw new TypeError('it has no labels or no env')
  }
  return state as unknown as ServiceState
}

function readMarathon(state: Record<string, unknown>): MarathonState {
  if (typeof state['marathon'] !== 'string' || !Number.isFinite(state['intervalMs'])) {
    throw new TypeError('it has no name or no interval')
  }
  return state as unknown as MarathonState
}
