import type { Clock } from '../pipeline/clock.ts'
import { Trouble } from '../pipeline/errors.ts'
import type { HttpClient } from '../pipeline/http.ts'
import type { Logger } from '../pipeline/log.ts'
import { mesosMetric } from '../pipeline/metric-names.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { joined } from './joined.ts'
import { openMesosApi, type Answer } from './mesos-ask.ts'
import { openAgentPool } from './mesos-agent-pool.ts'
import { readAgents } from './mesos-agents.ts'
import { openCluster } from './mesos-cluster.ts'
import type { MasterEvent } from './mesos-events.ts'
import { readMetrics } from './mesos-metrics.ts'
import { readMaster } from './mesos-operator.ts'
import { readTaskPages } from './mesos-pages.ts'
import { readMasterState } from './mesos-state.ts'
import { openHearing } from './hearing.ts'
import { openMasterStream } from './mesos-stream.ts'
import { openMisunderstood } from './misunderstood.ts'
import { openPoller } from './poller.ts'
import { openRights } from './mesos-rights.ts'
import { openSampler } from './sampler.ts'
import type { Collected, Collector, Sink } from './sink.ts'
import type { KnownAgent } from './mesos-agent-book.ts'
import { isObject, type Problem } from './answer.ts'

export interface MesosMasterOptions {
  /** Part of the keys of its positions: must not change between starts. */
  name: string
  /** Finds the leader among the masters; closed with the collector. */
  client: HttpClient
  /** Opens the collector of an agent; without it the agents are not asked. */
  openAgent?: ((agent: KnownAgent) => Promise<Collector>) | undefined
  /** Which of the agents; all unless set. */
  isAsked?: (agent: KnownAgent) => boolean
  /** How often metrics are read, ms. */
  intervalMs: number
  /** How often all of it is listed, ms; 30 s unless set. */
  listMs?: number
  cluster?: string | undefined
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
}

const paths = {
  agents: ['/slaves', '/master/slaves', '/master/slaves.json'],
  summary: ['/state-summary', '/master/state-summary'],
  // A gauge that hangs would otherwise hold up the whole answer.
  metrics: ['/metrics/snapshot?timeout=5secs'],
}

/**
 * Tells what happens to a Mesos cluster: the identity of each task, its states, agents and leaders that come and go. The
 * stream of events is the fast way; lists every half minute are the truth. Measures the leading master and, through
 * `openAgent`, the agents. `/state` is never asked: it stops a large master for seconds.
 */
export function openMesosMasterCollector(options: MesosMasterOptions): Promise<Collector> {
  const { name, client, openAgent, cluster: clusterName, sink, clock, metrics, log } = options
  const { isAsked = () => true } = options
  const shared = { name, cluster: clusterName, sink, clock, metrics, log }
  const api = openMesosApi(client, 'the Mesos master')
  const cluster = openCluster({ name, cluster: clusterName, sink })
  const sampler = openSampler({ source: `${name}:leader`, sink, clock })
  const misunderstood = openMisunderstood(shared)
  const pool = openAgent && openAgentPool(openAgent)
  const rights = openRights()
  let hasOperatorApi = true
  /** The leading master's own figures. */
  let own: Record<string, number> = {}
  let notElected = 0

  const lists = openPoller({ ...shared, intervalMs: options.listMs ?? 30_000, poll: list })
  const measure = openPoller({
    ...shared,
    name: `${name}:leader`,
    intervalMs: options.intervalMs,
    poll: measureLeader,
  })
  const hearing = openHearing({
    name,
    of: 'mesos',
    cluster: options.cluster,
    intervalMs: options.listMs ?? 30_000,
  })
  const stream = openMasterStream({
    client,
    clock,
    onEvents,
    onEnd() {
      hearing.lost(clock.now())
      lists.wake()
    },
  })

  async function onEvents(events: MasterEvent[], problems: Problem[]): Promise<unknown> {
    const nowMs = clock.now()
    const batch = joined([
      ...events.map((event) => cluster.event(event, nowMs)),
      { changes: misunderstood.note('events', problems) },
      { changes: isBegun(events) ? hearing.back(nowMs) : [] },
    ])
    hasOperatorApi = true
    pool?.sync(cluster.agents().filter(isAsked))
    if (events.some(isOccasion)) lists.wake()
    return lists.append(batch)
  }

  async function list(askedMs: number): Promise<undefined> {
    const [agents, who] = await Promise.all([api.get(askedMs, ...paths.agents), askLeader()])
    if ('refused' in agents) return refused(agents)
    const [summary, pages] = await Promise.all([
      api.get(askedMs, ...paths.summary),
      readTaskPages(api, askedMs),
    ])
    const read = readAgents(agents.value)
    const state = 'value' in summary ? readMasterState(summary.value) : undefined
    const problems = [...read.problems, ...(state?.problems ?? []), ...(who?.problems ?? [])]
    const shown = { agents: read.agents.length, tasks: pages.tasks.length, metrics: own }
    const hasAgents = isObject(agents.value) && Array.isArray(agents.value['slaves'])
    const isBelieved = rights.judge({ ...shown, knownAgents: cluster.agents().length })
    const nowMs = clock.now()
    const how = { nowMs, patient: stream.isLive(), complete: pages.complete }
    const around = [
      cluster.leads(who?.leader, new URL(agents.url).host, nowMs),
      // An answer without a list does not say that there are none.
      isBelieved && hasAgents ? cluster.agentsListed(read, nowMs, askedMs) : {},
      state ? cluster.frameworksListed(state, nowMs, askedMs) : {},
    ]
    const tasks = cluster.tasksListed(pages.tasks, how)
    // A patient list has waited for the events of what it tells.
    const untold = how.patient ? (tasks.changes ?? []) : []
    const batch = joined([
      ...around,
      tasks,
      { changes: hearing.missed(untold, nowMs) },
      { changes: misunderstood.note('lists', problems) },
      { changes: misunderstood.note('tasks', pages.problems) },
    ])
    pool?.sync(cluster.agents().filter(isAsked))
    // Here and not by the poller: no event may come between what was concluded and its being appended.
    await lists.append(batch)
    if (pages.refused) throw pages.refused.trouble
    return undefined
  }

  /** Undefined where the master does not tell: the lists are of use without it. */
  async function askLeader() {
    if (!hasOperatorApi) return undefined
    const answer = await api.call('GET_MASTER').catch(() => undefined)
    if (answer && 'refused' in answer && answer.refused === 404) hasOperatorApi = false
    return answer && 'value' in answer ? readMaster(answer.value) : undefined
  }

  async function refused({ refused: status, text, trouble }: Refusal): Promise<never> {
    if (status !== 503) throw trouble
    const why = text.trim().slice(0, 200) || 'they answer 503'
    await lists.append(cluster.leaderless(why, clock.now()))
    throw noLeader(trouble)
  }

  async function measureLeader(askedMs: number): Promise<Collected | undefined> {
    const answer = await api.get(askedMs, ...paths.metrics)
    if ('refused' in answer) throw answer.trouble
    const read = readMetrics(answer.value)
    const changes = misunderstood.note('metrics', read.problems)
    // Each master answers for itself. One that does not lead knows nothing of the cluster.
    notElected = read.metrics['master/elected'] === 1 ? 0 : notElected + 1
    if (notElected > 0) return { changes }
    own = read.metrics
    const named = Object.entries(own).map(([key, value]) => [mesosMetric(key), value])
    const host = cluster.leaderHost() ?? new URL(answer.url).hostname
    const identity = { ...(clusterName ? { cluster: clusterName } : {}), agent: host }
    const timeMs = clock.now()
    return {
      changes,
      ...sampler.take([{ timeMs, metrics: Object.fromEntries(named), identity }]),
    }
  }

  return Promise.resolve({
    name,
    through: () => Math.min(lists.through(), measure.through(), pool?.through() ?? Infinity),
    trouble: () => lists.trouble() ?? measure.trouble() ?? ownTrouble() ?? pool?.trouble(),
    async close() {
      const closed = [stream.close(), lists.close(), measure.close()]
      client.close()
      await Promise.all([...closed, pool?.close()])
    },
  })

  function ownTrouble(): string | undefined {
    const elsewhere =
      notElected >= maxNotElected
        ? `the leading Mesos master at ${cluster.leaderHost()} is not among urls, so it is not measured: add its address`
        : undefined
    // Masters before 1.0 have no stream.
    return rights.trouble() ?? elsewhere ?? (hasOperatorApi ? stream.trouble() : undefined)
  }
}

type Refusal = Extract<Answer, { refused: number }>

/** While a leader is elected nobody may lead for a while. */
const maxNotElected = 10

const ominous = new Set(['TASK_UNREACHABLE', 'TASK_LOST', 'TASK_GONE', 'TASK_GONE_BY_OPERATOR'])

/** To list everything: a new leader may have been elected; a task that is unreachable is the first sign of an agent that is. */
function isOccasion(event: MasterEvent): boolean {
  if (event.type === 'TASK_UPDATED') return ominous.has(event.update.state)
  return event.type === 'SUBSCRIBED'
}

function noLeader(cause: Trouble): Trouble {
  return new Trouble('the Mesos masters have no leader', {
    remedy: 'look at the masters and at ZooKeeper; it is tried again',
    retryable: true,
    cause,
  })
}

const isBegun = (events: readonly MasterEvent[]) => events.some(({ type }) => type === 'SUBSCRIBED')
