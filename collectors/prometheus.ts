import type { Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { readConnection, type ConnectionSettings } from '../pipeline/http-connection.ts'
import { openHttp, type HttpClient } from '../pipeline/http.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { withoutUnknown } from './docker-identity.ts'
import { readExposition } from './exposition.ts'
import { isWhole, openExpositionReader, type MeasuredGroup } from './exposition-measured.ts'
import { ownerOf } from './exposition-owner.ts'
import { openMisunderstood } from './misunderstood.ts'
import { openPoller } from './poller.ts'
import { openSampler, type Measured } from './sampler.ts'
import type { FoundTargets, ScrapeTarget } from './scrape-targets.ts'
import type { Collected, Collector, Sink } from './sink.ts'

export interface PrometheusCollectorOptions extends ConnectionSettings {
  /** Part of the keys of its positions: must not change between starts. */
  name: string
  /** Of expositions, with their path. */
  urls: readonly string[]
  /** Where tasks that serve metrics are found; undefined: `urls` alone. */
  found?: FoundTargets | undefined
  /** Service of `urls`. */
  service: string
  retention?: string | undefined
  /** How often each target is scraped, ms. */
  interval: number
  /** Of a target, label sets: what is beyond is left out and told. */
  maxSeries: number
  cluster?: string | undefined
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
}

const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
const timeoutMs = 5_000
const maxBytes = 32 * 2 ** 20
const maxAtOnce = 16

/** A target, with what was read of it before. */
interface Known {
  client: HttpClient
  path: string
  reader: ReturnType<typeof openExpositionReader<Identity>>
  trouble?: string | undefined
  leftOut?: string | undefined
}

/**
 * Scrapes what serves Prometheus' text format or OpenMetrics: exporters and cAdvisors under fixed addresses, and tasks that ask for it
 * by a label of their app. Each target also gets `scrape.up`. Never fails because one is away: that is told and tried again. Throws a
 * Trouble for an address, login or certificate that cannot be used.
 */
export function openPrometheusCollector(options: PrometheusCollectorOptions): Promise<Collector> {
  const { name, urls, found, cluster, service, retention, maxSeries } = options
  const { sink, clock, metrics, log, interval } = options
  const connection = readConnection(options)
  const sampler = openSampler({ source: `${name}:targets`, sink, clock })
  const misunderstood = openMisunderstood({ name, cluster, clock, metrics, log })
  const known = new Map<string, Known>()
  const fixed = urls.map((url): ScrapeTarget => {
    const { host, hostname } = new URL(url)
    const identity = { cluster, service, task: host, agent: hostname, retention }
    return { url, identity: withoutUnknown(identity) }
  })
  for (const { url } of fixed) meet(url, true)

  /** Who is found by a label is not given the login of the others. */
  function meet(url: string, isTrusted: boolean): Known {
    const before = known.get(url)
    if (before) return before
    const { origin, pathname, search } = new URL(url)
    const client = openHttp({
      name: `the metrics of ${url}`,
      urls: [origin],
      ...(isTrusted ? connection : {}),
      timeoutMs,
      maxBytes,
    })
    const path = pathname === '/' && search === '' ? '/metrics' : `${pathname}${search}`
    const made = { client, path, reader: openExpositionReader<Identity>({ maxSeries }) }
    known.set(url, made)
    return made
  }

  async function poll(_startMs: number, signal: AbortSignal): Promise<Collected> {
    const targets = new Map([...(found?.all() ?? []), ...fixed].map((one) => [one.url, one]))
    forget(targets)
    const measured: Measured[] = []
    const changes: NonNullable<Collected['changes']> = []
    const waiting = [...targets.values()].values()
    const worker = async () => {
      for (const target of waiting) {
        if (signal.aborted) return
        measured.push(...(await scrape(target, changes, signal)))
      }
    }
    await Promise.all(Array.from({ length: Math.min(maxAtOnce, targets.size) }, worker))
    return { changes, ...sampler.take(measured) }
  }

  function forget(targets: ReadonlyMap<string, ScrapeTarget>): void {
    for (const [url, { client }] of known) {
      if (targets.has(url)) continue
      client.close()
      known.delete(url)
    }
  }

  async function scrape(
    target: ScrapeTarget,
    changes: NonNullable<Collected['changes']>,
    signal: AbortSignal,
  ): Promise<Measured[]> {
    const { url, identity } = target
    const of = meet(url, fixed.includes(target))
    const startMs = clock.now()
    try {
      const text = await fetchText(of, signal)
      const nowMs = clock.now()
      const { series, problems } = readExposition(text.text, text.format)
      changes.push(...misunderstood.note(url, problems))
      const { groups, leftOut } = of.reader.read(series, nowMs, ownerOf(identity))
      of.trouble = undefined
      of.leftOut = tellLeftOut(url, leftOut)
      const up = { 'scrape.up': 1, 'scrape.duration': (nowMs - startMs) / 1000 }
      const own = { timeMs: nowMs, identity, metrics: { ...up, 'scrape.series': series.length } }
      return [own, ...groups.map(toMeasured)]
    } catch (error) {
      if (signal.aborted) return []
      if (of.trouble === undefined) log.warn({ err: error, collector: name }, 'cannot be scraped')
      of.trouble = explain(error)
      return [{ timeMs: clock.now(), identity, metrics: { 'scrape.up': 0 } }]
    }
  }

  function tellLeftOut(url: string, leftOut: ReadonlyMap<string, number>): string | undefined {
    if (leftOut.size === 0) return undefined
    const count = [...leftOut.values()].reduce((sum, one) => sum + one, 0)
    const [most] = [...leftOut].toSorted((a, b) => b[1] - a[1])
    return `${url} has more than ${maxSeries} label sets: ${count} series are left out, most of ${most?.[0]}; raise max_series or let it tell fewer`
  }

  function troubleOf(key: 'trouble' | 'leftOut'): string | undefined {
    const all = [...known.values()].flatMap((one) => one[key] ?? [])
    const more = all.length > 1 ? ` (and ${all.length - 1} more targets)` : ''
    return all[0] && `${all[0]}${more}`
  }

  const poller = openPoller({ name, intervalMs: interval, clock, sink, metrics, log, poll })
  return Promise.resolve({
    name,
    through: poller.through,
    trouble: () => poller.trouble() ?? troubleOf('trouble') ?? troubleOf('leftOut'),
    async close() {
      const closed = poller.close()
      for (const { client } of known.values()) client.close()
      await closed
    },
  })
}

async function fetchText({ client, path }: Known, signal: AbortSignal) {
  const answer = await client.request(path, { headers: { accept }, signal })
  if (answer.status !== 200) throw new Error(`it answers ${answer.status}`)
  const type = answer.headers['content-type'] ?? ''
  if (type.includes('text/html')) throw new Error('it answers a page of HTML')
  const format = type.includes('openmetrics') ? ('openmetrics' as const) : ('text' as const)
  return { text: answer.text, format }
}

function toMeasured(group: MeasuredGroup<Identity>): Measured {
  const { owner, labels, timeMs, metrics } = group
  return {
    timeMs,
    metrics,
    identity: owner,
    ...(isWhole(group) ? {} : { fields: { 'prometheus.labels': labels } }),
  }
}
