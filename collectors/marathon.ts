import { pause, type Clock } from '../pipeline/clock.ts'
import { Trouble } from '../pipeline/errors.ts'
import type { ChangeDoc } from '../pipeline/event.ts'
import { readConnection, type ConnectionSettings } from '../pipeline/http-connection.ts'
import { openHttp } from '../pipeline/http.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { MarathonState } from '../pipeline/service-state.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import type { Problem } from './answer.ts'
import { openHearing } from './hearing.ts'
import type { MarathonApp } from './marathon-apps.ts'
import { openMarathonApi, type Answered } from './marathon-ask.ts'
import { readMessage } from './marathon-event.ts'
import type { MarathonInfo } from './marathon-info.ts'
import { openLeader, saysNoLeader } from './marathon-leader.ts'
import { openMarathonMemory } from './marathon-memory.ts'
import { openMarathonNews } from './marathon-news.ts'
import { openMarathonStream } from './marathon-stream.ts'
import { openMisunderstood } from './misunderstood.ts'
import { openPlausibleTime } from './plausible-time.ts'
import { openPoller } from './poller.ts'
import { openPostureTold } from './posture-told.ts'
import { merge } from './pump.ts'
import { openSampler } from './sampler.ts'
import { targetsOf, type FoundTargets } from './scrape-targets.ts'
import type { Collected, Collector, Sink } from './sink.ts'
import type { SseMessage } from './sse.ts'

export interface MarathonCollectorOptions extends ConnectionSettings {
  /** Part of the keys of its positions: must not change between starts. */
  name: string
  /** Addresses of all Marathons of one group: the leader is found among them. */
  urls: readonly string[]
  /** How often it is asked, ms; events make it sooner. */
  intervalMs: number
  cluster?: string | undefined
  /** Told of the tasks that serve metrics. */
  found?: Pick<FoundTargets, 'put'>
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
  /** A deployment without a step's progress for so long is told to be stuck, ms. */
  stuckAfterMs?: number
  /** See `MarathonStreamOptions`. */
  silentMs?: number
  timeoutMs?: number
}

const stuckMs = 10 * 60_000
/** Leader and version of a Marathon change rarely; a stream of events that ends, or a failure, makes it sooner. */
const infoMs = 60_000
/** How fresh the states are is told at least so often, and when the trouble changes. */
const freshMs = 20_000
const watchMs = 1_000

/**
 * Collects what Marathon knows: apps and pods with their tasks, deployments, health, queue, leader. Polls are the truth;
 * events only make them come sooner, and tell early of what may be over by then. Never fails because Marathon is away:
 * that is retried for ever and told by `trouble()`. Rejects with a Trouble for an address, login or certificate that cannot be used.
 */
export async function openMarathonCollector(options: MarathonCollectorOptions): Promise<Collector> {
  const { name, urls, intervalMs, cluster, sink, clock, metrics, log } = options
  const { timeoutMs } = options
  const client = openHttp({
    name: 'Marathon',
    urls,
    ...readConnection(options),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  })
  const memory = openMarathonMemory(name, sink)
  const sampler = openSampler({ source: `${name}:services`, sink, clock })
  const misunderstood = openMisunderstood({ name, cluster, clock, metrics, log })
  const leader = openLeader(memory, { name, cluster })
  const plausible = openPlausibleTime()
  const stuckAfterMs = options.stuckAfterMs ?? stuckMs
  const framework = () => info.framework
  const postures = openPostureTold({ name, of: 'app', sink, clock })
  const news = openMarathonNews({
    name,
    cluster,
    memory,
    sampler,
    postures,
    stuckAfterMs,
    framework,
  })
  const api = openMarathonApi({
    client,
    now: () => clock.now(),
    onProblems,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  })
  const stopping = new AbortController()
  let info: MarathonInfo = {}
  let infoDueMs = -Infinity
  let pods: MarathonApp[] = []
  /** The last answer had no app any more, and the one before had some. */
  let isDoubtful = false
  let partial: string | undefined
  let readMs: number | undefined
  let complaints: ChangeDoc[] = []

  function onProblems(what: string, problems: readonly Problem[]): void {
    complaints.push(...misunderstood.note(what, problems))
  }

  async function poll(startMs: number, signal: AbortSignal): Promise<Collected> {
    try {
      const [answered, leading] = await Promise.all([api.read(signal), learnInfo(startMs, signal)])
      const changes = leading ? leader.told(leading.leader, clock.now()) : []
      return finish({ changes }, await newsOf(answered, startMs, signal))
    } catch (error) {
      infoDueMs = -Infinity
      await tellFailure(error)
      throw error
    }
  }

  /** Undefined where it was not due, or could not be read: the apps are what counts. */
  async function learnInfo(nowMs: number, signal: AbortSignal): Promise<MarathonInfo | undefined> {
    if (nowMs < infoDueMs) return undefined
    try {
      info = await api.info(signal)
      infoDueMs = nowMs + infoMs
      return info
    } catch {
      return undefined
    }
  }

  async function newsOf(
    answered: Answered,
    startMs: number,
    signal: AbortSignal,
  ): Promise<Collected> {
    const doubt = await doubtOf(answered, signal)
    partial = doubt ?? answered.partial
    if (doubt !== undefined) return {}
    pods = answered.pods ?? pods
    const collected = news.poll({
      ...answered,
      startMs,
      apps: [...answered.apps, ...pods],
      hasPods: answered.pods !== undefined,
      hearsEvents: stream.connected(),
    })
    complaints.push(...hearing.missed(news.unheard(startMs), startMs))
    readMs = startMs
    const around = withoutUndefined({ cluster, framework: info.framework })
    options.found?.put(name, targetsOf(answered.apps, around))
    return { ...collected, services: [...(collected.services ?? []), freshness(partial)] }
  }

  /** Marathon leaves out what the login may not see, without a word: one that has lost its rights sees nothing. */
  async function doubtOf({ apps }: Answered, signal: AbortSignal): Promise<string | undefined> {
    const before = [...memory.services.values()].filter(({ pod }) => !pod).length
    const isEmptied = apps.length === 0 && before > 0
    if (!isEmptied || isDoubtful) {
      isDoubtful = false
      return undefined
    }
    // One that does not answer this either is away.
    await api.info(signal)
    isDoubtful = true
    return `Marathon at ${client.current()} tells of no apps any more, of ${before} before: may the login still see them? It is asked again`
  }

  /** What was learnt although there was no answer. */
  async function tellFailure(error: unknown): Promise<void> {
    const isAboutLeader = error instanceof Trouble && saysNoLeader(error.message)
    const changes = isAboutLeader ? leader.lost(error.message, clock.now()) : []
    await poller.append(finish({ changes }))
  }

  /** One batch, with what was not understood, and all that goes with it into the memory. */
  function finish(...parts: Collected[]): Collected {
    const batch: Collected = {}
    for (const part of [...parts, { changes: complaints, positions: memory.take() }]) {
      merge(batch, part)
    }
    complaints = []
    const nowMs = clock.now()
    const changes = (batch.changes ?? []).map((doc) => ({
      ...doc,
      '@timestamp': plausible(doc['@timestamp'], nowMs),
    }))
    return { ...batch, changes }
  }

  let told: { trouble: string | undefined; atMs: number } | undefined
  const trouble = () => poller.trouble() ?? partial

  function freshness(wrong: string | undefined): MarathonState {
    const { version } = info
    const leading = leader.current()
    told = { trouble: wrong, atMs: clock.now() }
    return {
      v: 1,
      marathon: name,
      intervalMs,
      ...(readMs === undefined ? {} : { atMs: readMs }),
      ...(wrong === undefined ? {} : { trouble: wrong }),
      ...(leading === undefined ? {} : { leader: leading }),
      ...(version === undefined ? {} : { version }),
    }
  }

  /** Tells also while no poll succeeds; waits for the sink, so that no more than one is waiting there. */
  async function keepTelling(): Promise<void> {
    while (!stopping.signal.aborted) {
      await pause(watchMs, stopping.signal)
      if (stopping.signal.aborted) return
      const isDue = told === undefined || clock.now() - told.atMs >= freshMs
      if (isDue || told?.trouble !== trouble())
        await poller.append({ services: [freshness(trouble())] })
    }
  }

  async function onMessages(messages: readonly SseMessage[]): Promise<void> {
    const batch: Collected = {}
    let isHint = false
    for (const message of messages) {
      const { event, problems } = readMessage(message)
      onProblems('events', problems)
      if (!event || event.kind === 'noise') continue
      isHint = true
      merge(batch, news.event(event, clock.now()))
    }
    if (isHint) poller.wake()
    await poller.append(finish(batch))
  }

  const poller = openPoller({ name, intervalMs, clock, sink, metrics, log, poll })
  const hearing = openHearing({ name, of: 'marathon', cluster, intervalMs })
  const stream = openMarathonStream({
    client,
    name,
    log,
    onMessages,
    onLost: () => hearing.lost(clock.now()),
    onConnected() {
      complaints.push(...hearing.back(clock.now()))
      // A new leader may be behind it, and nobody told what happened before.
      infoDueMs = -Infinity
      poller.wake()
    },
    ...(options.silentMs === undefined ? {} : { silentMs: options.silentMs }),
  })
  const telling = keepTelling()
  return {
    name,
    through: poller.through,
    trouble,
    async close() {
      stopping.abort()
      // Together: each may wait for the sink, and the poller alone gives up.
      await Promise.all([stream.close(), poller.close(), telling])
      client.close()
    },
  }
}
