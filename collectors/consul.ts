import type { Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import { readConnection, type ConnectionSettings } from '../pipeline/http-connection.ts'
import { openHttp, type HttpAnswer } from '../pipeline/http.ts'
import { identityToEcs } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { Problem } from './answer.ts'
import { openAppender } from './appender.ts'
import {
  consulStatuses,
  readInstances,
  readServices,
  type ConsulInstance,
  type ConsulStatus,
} from './consul-answers.ts'
import { instanceIdentity, toldTask } from './consul-identity.ts'
import { rightsTrouble, watchConsul, type ConsulWatchOptions } from './consul-watch.ts'
import { openMisunderstood } from './misunderstood.ts'
import type { Collector, Sink } from './sink.ts'

export interface ConsulCollectorOptions extends ConnectionSettings {
  /** Part of the keys of its positions: must not change between starts. */
  name: string
  /** Addresses of agents or servers, tried in turn. */
  urls: readonly string[]
  cluster?: string | undefined
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
  /** See `watchConsul`. */
  watch?: Pick<ConsulWatchOptions, 'waitSeconds' | 'leastMs'>
}

/** Each service has a question of its own under way. */
const maxWatched = 500
/** Of a check's output, characters. */
const maxOutput = 500

interface Watched {
  stop: AbortController
  done: Promise<void>
  trouble: string | undefined
}

/**
 * Follows Consul: instances that turn critical or well again are changes of kind `health`, and tasks that are registered there
 * get its name of their service as a label. Rejects with a Trouble for an address, login or certificate that cannot be used,
 * never because Consul is away.
 */
export async function openConsulCollector(options: ConsulCollectorOptions): Promise<Collector> {
  const { name, urls, cluster, sink, clock, metrics, log } = options
  const client = openHttp({ name: 'Consul', urls, ...readConnection(options) })
  const appender = openAppender({ name, sink, log })
  const misunderstood = openMisunderstood({ name, cluster, clock, metrics, log })
  const stopping = new AbortController()
  const watched = new Map<string, Watched>()
  const told = new Map<string, Map<string, ConsulStatus>>()
  let trouble: string | undefined
  let rights: string | undefined
  let left = 0

  const keyOf = (service: string) => `${name}:service:${service}`

  async function onServices(value: unknown, answer: HttpAnswer): Promise<void> {
    const problems: Problem[] = []
    const services = readServices(value, problems)
    await appendProblems('services', problems)
    if (!services) return
    // Consul itself is a service of every Consul: an empty list is none.
    const refused = rightsTrouble(services.length === 0, answer)
    rights = refused && explain(refused)
    if (services.length === 0) return
    const wanted = services.slice(0, maxWatched)
    left = services.length - wanted.length
    for (const service of wanted) if (!watched.has(service)) begin(service)
    for (const service of watched.keys()) if (!wanted.includes(service)) await end(service)
  }

  function begin(service: string): void {
    const stop = new AbortController()
    const one: Watched = { stop, done: Promise.resolve(), trouble: undefined }
    watched.set(service, one)
    one.done = watchConsul({
      ...options.watch,
      client,
      path: `/v1/health/service/${encodeURIComponent(service)}`,
      signal: AbortSignal.any([stop.signal, stopping.signal]),
      onAnswer: (value) => onInstances(service, value),
      onTrouble: (why) => (one.trouble = why),
    })
  }

  async function end(service: string): Promise<void> {
    const one = watched.get(service)
    watched.delete(service)
    one?.stop.abort()
    await one?.done
    told.delete(service)
    await appender.append({ positions: { [keyOf(service)]: null } })
  }

  async function onInstances(service: string, value: unknown): Promise<void> {
    const problems: Problem[] = []
    const instances = readInstances(value, problems)
    await appendProblems('instances', problems)
    const before = told.get(service) ?? readTold(sink.position(keyOf(service)))
    const after = new Map(instances.map((one) => [placeOf(one), one.status]))
    told.set(service, after)
    const changes = instances.flatMap((one) => flipOf(one, before.get(placeOf(one))))
    const isNew = (one: ConsulInstance) => !before.has(placeOf(one))
    await appender.append({
      changes,
      tasks: instances.filter(isNew).flatMap(toldTask),
      positions: { [keyOf(service)]: Object.fromEntries(after) },
    })
  }

  /** That an instance is well from its beginning is no news. */
  function flipOf(instance: ConsulInstance, before: ConsulStatus | undefined): ChangeDoc[] {
    const { status } = instance
    if (status === before || (before === undefined && status === 'passing')) return []
    const atMs = clock.now()
    const { check, output, modifyIndex } = instance
    const why = check === undefined ? '' : `: ${check}${output ? ` says ${short(output)}` : ''}`
    return [
      {
        '@timestamp': msToIso(atMs),
        'event.id': `change:health:consul:${placeOf(instance)}:${status}:${modifyIndex ?? atMs}`,
        'event.kind': 'health',
        'event.action': status === 'passing' ? 'healthy' : 'unhealthy',
        'event.provider': 'consul',
        message: `${instance.id} of ${instance.service} on ${instance.node} is ${status}${why}`,
        'consul.status': status,
        ...identityToEcs(instanceIdentity(instance, cluster)),
      },
    ]
  }

  async function appendProblems(what: string, problems: readonly Problem[]): Promise<void> {
    const changes = misunderstood.note(what, problems)
    if (changes.length > 0) await appender.append({ changes })
  }

  function ofServices(): string | undefined {
    for (const [service, one] of watched) {
      if (one.trouble !== undefined) return `${service}: ${one.trouble}`
    }
    return left > 0 ? `${left} services of Consul beyond ${maxWatched} are not watched` : undefined
  }

  const following = watchConsul({
    ...options.watch,
    client,
    path: '/v1/catalog/services',
    signal: stopping.signal,
    onAnswer: onServices,
    onTrouble: (why) => (trouble = why),
  })

  return {
    name,
    // Nobody waits for it: what it tells is of the moment in which it is told.
    through: () => clock.now(),
    trouble: () => trouble ?? rights ?? ofServices() ?? appender.trouble(),
    async close() {
      stopping.abort()
      await following
      await Promise.all([...watched.values()].map(({ done }) => done))
      await appender.close()
      client.close()
    },
  }
}

/** An id is unique on its node. */
const placeOf = ({ node, id }: ConsulInstance) => `${node}/${id}`

const short = (output: string) => output.trim().replaceAll(/\s+/g, ' ').slice(0, maxOutput)

/** What cannot be read was never told. */
function readTold(stored: unknown): Map<string, ConsulStatus> {
  const entries = typeof stored === 'object' && stored !== null ? Object.entries(stored) : []
  return new Map(
    entries.flatMap(([place, status]) => {
      const known = consulStatuses.find((one) => one === status)
      return known === undefined ? [] : [[place, known] as const]
    }),
  )
}
