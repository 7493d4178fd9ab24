import type { ServerResponse } from 'node:http'
import type { ExecutionContext } from 'ava'
import { openMarathonCollector } from '../../collectors/marathon.ts'
import type { MarathonCollectorOptions } from '../../collectors/marathon.ts'
import { openMarathonMemory } from '../../collectors/marathon-memory.ts'
import { openMarathonNews } from '../../collectors/marathon-news.ts'
import { openPostureTold } from '../../collectors/posture-told.ts'
import { openSampler } from '../../collectors/sampler.ts'
import type { Collected, Sink } from '../../collectors/sink.ts'
import { wallClock } from '../../pipeline/clock.ts'
import type { ChangeDoc, SampleDoc } from '../../pipeline/event.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { decodeSamples } from '../../pipeline/sample.ts'
import type { MarathonState, ServiceState } from '../../pipeline/service-state.ts'
import { json, openHttpServer, type Handler, type HttpServer } from '../helpers/http-server.ts'

/** What a Marathon tells, and how it misbehaves: a real HTTP server whose answers a test sets. */
export interface FakeMarathon extends HttpServer {
  apps: Record<string, unknown>[]
  deployments: unknown[]
  queue: unknown[]
  info: Record<string, unknown>
  /** Undefined: it has no pods, as before 1.4. */
  pods: unknown[] | undefined
  /** By path, without its query: instead of its answer. */
  faults: Map<string, Handler>
  /** How many listen to events. */
  listeners(): number
  emit(event: object): void
  /** As it stands, to all streams. */
  write(text: string): void
  /** Ends the streams, in the middle of whatever it is. */
  cut(): void
}

export async function openFakeMarathon(t: ExecutionContext): Promise<FakeMarathon> {
  const streams = new Set<ServerResponse>()
  const server = await openHttpServer(t, (asked, response) => {
    const path = asked.url.split('?', 1)[0] as string
    const fault = fake.faults.get(path)
    if (fault) return fault(asked, response)
    switch (path) {
      case '/v2/apps':
        return json(response, { apps: fake.apps })
      case '/v2/deployments':
        return json(response, fake.deployments)
      case '/v2/queue':
        return json(response, { queue: fake.queue })
      case '/v2/info':
        return json(response, fake.info)
      case '/v2/pods/::status':
        if (fake.pods) return json(response, fake.pods)
        break
      case '/v2/events':
        return listen(asked.headers.accept, response)
    }
    return response.writeHead(404).end('<html>no such path</html>')
  })

  function listen(accept: string | undefined, response: ServerResponse) {
    if (accept !== 'text/event-stream') return response.writeHead(405).end()
    response.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' })
    response.flushHeaders()
    streams.add(response)
    response.on('close', () => streams.delete(response))
    return response
  }

  const write = (text: string) => streams.forEach((stream) => stream.write(text))
  const fake: FakeMarathon = {
    ...server,
    apps: [],
    deployments: [],
    queue: [],
    info: { version: '1.11.0', leader: 'm1:8080', frameworkId: 'fw-0000' },
    pods: undefined,
    faults: new Map(),
    listeners: () => streams.size,
    emit(event) {
      const { eventType } = event as { eventType: string }
      write(`event: ${eventType}\r\ndata: ${JSON.stringify(event)}\r\n\r\n`)
    },
    write,
    cut: () => streams.forEach((stream) => stream.destroy()),
  }
  return fake
}

/** All that reached the disk, over any number of lives of a collector. */
export interface Told {
  changes: ChangeDoc[]
  samples: SampleDoc[]
  /** In the order in which they were told, by task. */
  tasks: Identity[]
  services: Map<string, ServiceState>
  marathon: MarathonState | undefined
  /** Each `gone`, and each state, in order: `/web 2`, `/web gone`. */
  log: string[]
  positions: Map<string, unknown>
}

export const openTold = (): Told => ({
  changes: [],
  samples: [],
  tasks: [],
  services: new Map(),
  marathon: undefined,
  log: [],
  positions: new Map(),
})

/** A sink of one life: after `kill`, or so many appends, nothing reaches the disk any more. */
export function openToldSink(told: Told, killAfter = Infinity) {
  let left = killAfter
  const sink: Sink = {
    async append(batch) {
      await new Promise((resolve) => setImmediate(resolve))
      if (left-- > 0) put(told, batch)
    },
    position: (input) => told.positions.get(input),
    positions: (prefix) => [...told.positions.keys()].filter((key) => key.startsWith(prefix)),
  }
  return { ...sink, kill: () => (left = 0), killed: () => left <= 0 }
}

function put(told: Told, batch: Collected): void {
  // Through JSON, as on disk.
  const {
    changes = [],
    tasks = [],
    services = [],
    positions = {},
  } = JSON.parse(JSON.stringify({ ...batch, samples: undefined })) as Collected
  told.changes.push(...changes)
  told.tasks.push(...tasks)
  told.samples.push(...(batch.samples ?? []).flatMap(decodeSamples))
  for (const state of services) {
    if ('gone' in state) {
      told.services.delete(state.service)
      told.log.push(`${state.service} gone`)
    } else if ('service' in state) {
      told.services.set(state.service, state)
      told.log.push(`${state.service} ${state.instances}`)
    } else told.marathon = state
  }
  for (const [key, position] of Object.entries(positions)) {
    if (position === null) told.positions.delete(key)
    else told.positions.set(key, position)
  }
}

/** Polls each 30 ms, so that a test sees what would take seconds. */
export async function openCollector(
  t: ExecutionContext,
  told: Told,
  options: Pick<MarathonCollectorOptions, 'urls'> & Partial<MarathonCollectorOptions>,
) {
  const metrics = openMetrics()
  const collector = await openMarathonCollector({
    name: 'marathon',
    token_scheme: 'bearer',
    intervalMs: 30,
    cluster: 'test',
    sink: openToldSink(told),
    clock: wallClock,
    metrics,
    log: silentLog,
    timeoutMs: 2000,
    ...options,
  })
  let isClosed = false
  const close = async () => {
    if (isClosed) return
    isClosed = true
    await collector.close()
  }
  t.teardown(close)
  return { ...collector, metrics, close }
}

/** What makes news of readings, without a Marathon. */
export function openNews(told = openTold()) {
  const sink = openToldSink(told)
  const memory = openMarathonMemory('marathon', sink)
  const news = openMarathonNews({
    name: 'marathon',
    cluster: 'test',
    memory,
    postures: openPostureTold({ name: 'marathon', of: 'app', sink, clock: wallClock }),
    sampler: openSampler({ source: 'marathon:services', sink, clock: wallClock }),
    stuckAfterMs: 600_000,
    framework: () => 'fw-0000',
  })
  return { news, memory }
}

/** An app as Marathon 1.11 answers, with a task for each of the given. */
export function appOf(id: string, tasks: Record<string, unknown>[] = [], more: object = {}) {
  const running = tasks.filter(({ state }) => state === 'TASK_RUNNING').length
  return {
    id,
    instances: tasks.length,
    cpus: 0.5,
    mem: 128,
    container: { type: 'DOCKER', docker: { image: 'shop/web:7' } },
    healthChecks: [],
    labels: { owner: 'shop', RUNBOOK: 'https://run/web', team: 'blue' },
    env: {},
    version: '2026-11-20T10:00:00.000Z',
    versionInfo: {
      lastScalingAt: '2026-11-20T10:00:00.000Z',
      lastConfigChangeAt: '2026-11-20T10:00:00.000Z',
    },
    tasksStaged: tasks.length - running,
    tasksRunning: running,
    tasksHealthy: 0,
    tasksUnhealthy: 0,
    deployments: [],
    tasks: tasks.map((task) => ({ appId: id, ...task })),
    ...more,
  }
}

export function taskOf(id: string, more: object = {}) {
  return {
    id,
    host: 'agent-1',
    state: 'TASK_RUNNING',
    stagedAt: '2026-11-20T10:00:01.000Z',
    startedAt: '2026-11-20T10:00:02.000Z',
    version: '2026-11-20T10:00:00.000Z',
    ...more,
  }
}

/** `kind action service`, in the order in which they were told. */
export const toldOf = ({ changes }: Told): string[] =>
  changes.map((doc) => `${doc['event.kind']} ${doc['event.action']} ${serviceOf(doc)}`.trim())

const serviceOf = (doc: ChangeDoc) =>
  typeof doc['service.name'] === 'string' ? doc['service.name'] : ''
