/** The autoscaler with a real bus and a real HTTP server that answers as Marathon does. */
import type { ExecutionContext } from 'ava'
import { mkdtemp, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAutoscaling, type AutoscalingOptions } from '../../autoscaling/index.ts'
import type { PolicyDeclaration } from '../../autoscaling/policy.ts'
import { openEmbeddedBus } from '../../pipeline/bus/embedded.ts'
import type { Bus, Topic } from '../../pipeline/bus/bus.ts'
import { manualClock, pause, wallClock } from '../../pipeline/clock.ts'
import type { Decision, DecisionDoc } from '../../pipeline/decision.ts'
import type { ChangeDoc, SignalBucket } from '../../pipeline/event.ts'
import { openHttp } from '../../pipeline/http.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import type { MarathonState, ServiceState } from '../../pipeline/service-state.ts'
import { signalTopics } from '../../pipeline/signals.ts'
import { openHttpServer, type Asked } from '../helpers/http-server.ts'
import { appOf, policyOf, requests, second, service, t0, task } from './app.ts'

export async function tempDir(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-scaling-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export async function busIn(dir: string): Promise<Bus> {
  return openEmbeddedBus({ dir, clock: wallClock })
}

/** Waits for what has to come, with a deadline that only a broken program meets. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  deadlineMs = 30_000,
): Promise<NonNullable<T>> {
  const begin = performance.now()
  while (performance.now() - begin < deadlineMs) {
    const found = await look()
    if (found) return found
    await pause(5)
  }
  throw new Error(`not within ${deadlineMs} ms: ${what}`)
}

export function json(response: ServerResponse, status: number, body: unknown) {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

/** How the app stands in the Marathon of a test. */
export interface FakeApp {
  instances: number
  running: number
  deployments: string[]
  labels: Record<string, string>
  env: Record<string, string>
}

export interface FakeMarathon {
  url: string
  app: FakeApp
  asked: Asked[]
  /** Happens before each look at the app. */
  beforeLook: () => void
  /** Instead of carrying a change out; `undefined` carries it out. */
  refuse: ((response: ServerResponse) => void) | undefined
  /** All instances run, no deployment is left. */
  settle(): void
  /** As a collector would tell it at this time. */
  stateAt(ms: number): ServiceState
  patches(): number[]
}

export async function openMarathon(t: ExecutionContext, instances = 2): Promise<FakeMarathon> {
  const app: FakeApp = { instances, running: instances, deployments: [], labels: {}, env: {} }
  let deployments = 0
  const server = await openHttpServer(t, (request, response) => {
    if (request.url !== `/v2/apps${service}`) return json(response, 404, { message: 'no app' })
    if (request.method === 'GET') {
      try {
        marathon.beforeLook()
      } catch {
        return json(response, 503, { message: 'no leader' })
      }
      const { instances: wanted, deployments: ids } = app
      const shown = { id: service, instances: wanted, deployments: ids.map((id) => ({ id })) }
      return json(response, 200, { app: shown })
    }
    if (marathon.refuse) return marathon.refuse(response)
    app.instances = (JSON.parse(request.body) as { instances: number }).instances
    const id = `deployment-${++deployments}`
    app.deployments = [id]
    json(response, 200, { version: 'v', deploymentId: id })
  })
  const marathon: FakeMarathon = {
    url: server.url,
    app,
    asked: server.asked,
    beforeLook: () => {},
    refuse: undefined,
    settle() {
      app.running = app.instances
      app.deployments = []
    },
    stateAt: (atMs) =>
      appOf(app.running, {
        atMs,
        instances: app.instances,
        tasks: Array.from({ length: app.running }, (_, i) => task(`web.${i}`)),
        deployments: app.deployments.map((id) => ({ id })),
        labels: app.labels,
        env: app.env,
        owner: 'shop',
      }),
    patches: () =>
      server.asked
        .filter(({ method }) => method === 'PATCH')
        .map(({ body }) => (JSON.parse(body) as { instances: number }).instances),
  }
  return marathon
}

/** `perSecond` requests of the service (or of each named) in each second of [from, to), and all measured up to `to`. */
export async function measured(
  bus: Bus,
  from: number,
  to: number,
  perSecond: number | Record<string, number>,
) {
  const buckets: SignalBucket[] = []
  const loads = typeof perSecond === 'number' ? { [service]: perSecond } : perSecond
  for (const [of, count] of Object.entries(loads)) {
    for (let at = from; count > 0 && at < to; at += second) {
      const bucket = { from: at, to: at + second, partition: 0, lastMs: at + 900 }
      buckets.push({ signal: 'requests', group: { service: of }, count, ...bucket })
    }
  }
  const watermarks = signalTopics.flatMap((topic) =>
    [...Array(bus.partitions(topic)).keys()].map((partition) => ({
      key: `${topic}:${partition}`,
      value: Buffer.from(JSON.stringify({ topic, partition, through: to })),
      headers: { kind: 'watermark' },
    })),
  )
  const value = Buffer.from(JSON.stringify(buckets))
  const bucket = { key: '0', value, headers: { kind: 'bucket' } }
  await bus.produce('signals', [...(buckets.length > 0 ? [bucket] : []), ...watermarks])
}

export interface Site {
  bus: Bus
  clock: ReturnType<typeof manualClock>
  marathon: FakeMarathon
  /** Lets the collector read Marathon now. */
  read(): void
  /**
   * Lets time go on to `seconds` after the beginning, with such a load, and Marathon read; where scaling runs, not
   * faster than it evaluates.
   */
  load(perSecond: number, seconds: number): Promise<void>
  open(options?: DeskOptions): Promise<Desk>
}

export interface DeskOptions extends Partial<AutoscalingOptions> {
  policy?: Partial<PolicyDeclaration>
  /** How long to wait for Marathon. */
  timeoutMs?: number
}

export type Desk = Awaited<ReturnType<typeof openAutoscaling>>

/** `known`: the Marathon of a site before. */
export async function openSite(
  t: ExecutionContext,
  dir?: string,
  known?: FakeMarathon,
): Promise<Site> {
  const bus = await busIn(dir ?? (await tempDir(t)))
  t.teardown(() => bus.close())
  const marathon = known ?? (await openMarathon(t))
  const clock = manualClock(t0)
  let state = marathon.stateAt(t0)
  let readMs = t0
  let measuredTo = t0 - 20 * second
  let current: Desk | undefined
  const read = () => {
    readMs = clock.now()
    state = marathon.stateAt(readMs)
  }
  return {
    bus,
    clock,
    marathon,
    read,
    async load(perSecond, seconds) {
      const end = t0 + seconds * second
      while (measuredTo < end) {
        // The first stretch fills the window.
        const isStepped = current && measuredTo >= t0
        const to = isStepped ? Math.min(end, measuredTo + 10 * second) : end
        clock.set(to + 500)
        read()
        await measured(bus, measuredTo, to, perSecond)
        measuredTo = to
        if (current) await until(`evaluated at ${seconds} s`, () => current?.through() === to)
      }
    },
    async open({ policy = {}, timeoutMs = 60_000, ...options } = {}) {
      const client = openHttp({ urls: [marathon.url], name: 'Marathon', timeoutMs })
      const desk = await openAutoscaling({
        bus,
        signals: { requests },
        settings: settingsOf(policy),
        services: () => [state],
        marathons: () => [marathonAt(readMs)],
        http: () => client,
        random: () => 0.5,
        pollMs: 2,
        clock,
        metrics: openMetrics(),
        log: silentLog,
        ...options,
      })
      let isOpen = true
      const close = async () => {
        if (!isOpen) return
        isOpen = false
        current = undefined
        await desk.close()
        client.close()
      }
      t.teardown(close)
      current = desk
      return { ...desk, close }
    },
  }
}

export function settingsOf(policy: Partial<PolicyDeclaration> = {}) {
  const { source: _source, ...declared } = policyOf(policy)
  return { intervalMs: second, dryRun: false, labels: false, policies: [declared] }
}

export function marathonAt(atMs: number): MarathonState {
  return { v: 1, marathon: 'marathon', atMs, intervalMs: second }
}

/** All documents of a topic, in their order. */
async function docsOf(bus: Bus, topic: Topic): Promise<ChangeDoc[]> {
  const { records } = await bus.read(topic, 0, 0, { maxBytes: 64 << 20 })
  return records.map(({ value }) => JSON.parse(Buffer.from(value).toString()) as ChangeDoc)
}

export const decisionsOn = async (bus: Bus) => (await docsOf(bus, 'decisions')) as DecisionDoc[]
export const changesOn = (bus: Bus) => docsOf(bus, 'changes')

/** `scaled scaled-up 2 → 5` */
export function short({ outcome, reason, from, to }: Decision): string {
  return `${outcome} ${reason} ${from === to ? from : `${from} → ${to}`}`
}

export async function story(bus: Bus): Promise<string[]> {
  return (await decisionsOn(bus)).map(({ decision }) => short(decision))
}
