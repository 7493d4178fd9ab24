import type { Clock } from '../../pipeline/clock.ts'
import { serve, type Face } from '../misbehave.ts'
import { answerFileCall, fileRoutes } from './agent-files.ts'
import { openCounting } from './counters.ts'
import { asAgentKnows, executorsOf, isLive, type Executor } from './executors.ts'
import { openFiles } from './files.ts'
import { agentMetrics } from './json/agent-metrics.ts'
import { agentAnswers, agentState, type OnAgent } from './json/agent-state.ts'
import { version } from './json/build.ts'
import { agentFlags } from './json/flags.ts'
import { containers, containersV1, monitorStatistics } from './json/statistics.ts'
import { metricList, snapshot, systemStats } from './json/system-metrics.ts'
import { empty, libprocess, ok, okV1, refusal } from './libprocess.ts'
import type { Answer, Asked, Route } from './libprocess.ts'
import type { Agent, MesosCluster, Task } from './model.ts'
import { agentCalls, isObject, readCall, type Call } from './operator.ts'
import { openRateLimit } from './rate-limit.ts'
import { badTimeout } from './timeout.ts'

export interface AgentOptions {
  cluster: MesosCluster
  /** It listens at its `port` (0: any free one). While it is not `active`, nobody answers. */
  agent: Agent
  clock: Clock
  /** Of the leading master, for the agent's state. */
  masterHostname?: string
  /**
   * Whether the agent has `--cgroups_enable_cfs`, true unless set: without, no container has a `cpus_limit`, only the
   * soft one that was asked for.
   */
  cfs?: boolean
  /** While it recovers, its state is not told, but its containers are. */
  recovering?(): boolean
}

/** An agent of Mesos 1.11. Rejects where it cannot listen. */
export async function openMesosAgent(options: AgentOptions): Promise<Face> {
  const { cluster, agent, clock, cfs = true } = options
  const startedAt = clock.now()
  const isHere = (task: Task) => task.agent.id === agent.id
  const tasks = () => cluster.tasks().filter(isHere).map(asAgentKnows)
  const running = () => executorsOf(tasks()).filter(isLive)
  const files = openFiles(() => executorsOf(tasks()))
  const counting = openCounting(
    cluster,
    (event) => event === undefined || ('task' in event && isHere(event.task)),
  )
  const statisticsLimit = openRateLimit(2)
  const metricsLimit = openRateLimit(2)

  const on = (): OnAgent => ({
    agent,
    tasks: tasks(),
    startedAt,
    masterHostname: options.masterHostname ?? '127.0.0.1',
    version: cluster.version,
    cfs,
  })
  const metrics = () =>
    agentMetrics({ ...on(), counters: counting.counters(), now: clock.now(), startedAt })

  function recovered(route: (asked: Asked) => Answer): Route {
    const refused = () => refusal(503, 'Agent has not finished recovery')
    return (asked) => (options.recovering?.() ? refused() : route(asked))
  }

  function operator(asked: Asked): Answer {
    const read = readCall(asked, { of: 'agent', calls: agentCalls })
    return 'refused' in read ? read.refused : answerCall(read.call)
  }

  function answerCall(call: Call): Answer {
    const { type } = call
    const tell = (content: unknown) => okV1({ type, [type.toLowerCase()]: content })
    if (type === 'GET_METRICS') return tell({ metrics: metricList(metrics()) })
    if (type === 'GET_CONTAINERS') {
      const wanted = call['get_containers']
      const nested = isObject(wanted) && wanted['show_nested'] === true
      return tell({ containers: containersV1(running(), { cfs, nested, now: clock.now() }) })
    }
    const answer = agentAnswers[type]
    if (answer) return tell(answer(on()))
    // What would change something is refused, as for an operator without rights.
    return answerFileCall(files, call) ?? refusal(403)
  }

  async function statistics(asked: Asked): Promise<Answer> {
    await statisticsLimit()
    return ok(monitorStatistics(running(), cfs), asked)
  }

  async function metricsSnapshot(asked: Asked): Promise<Answer> {
    const bad = badTimeout(asked.query)
    if (bad) return bad
    await metricsLimit()
    return ok(snapshot(metrics()), asked)
  }

  const routes = new Map<string, Route>([
    ['/slave(1)/state', recovered((asked) => ok(agentState(on()), asked))],
    ['/slave(1)/api/v1', recovered(operator)],
    ['/slave(1)/containers', (asked) => listContainers(asked, running(), cfs)],
    ['/slave(1)/flags', (asked) => ok({ flags: agentFlags(agent, cfs) }, asked)],
    ['/slave(1)/health', () => empty],
    ['/slave(1)/monitor/statistics', statistics],
    ['/metrics/snapshot', metricsSnapshot],
    ['/version', (asked) => ok(version(cluster.version), asked)],
    ['/system/stats.json', (asked) => ok(systemStats(), asked)],
    ...fileRoutes(files, clock),
  ])
  const listener = libprocess({ process: 'slave(1)', routes, clock })
  const face = await serve(
    (request, response) => {
      if (agent.active) listener(request, response)
      else request.socket.destroy()
    },
    { port: agent.port },
  )
  return {
    ...face,
    close() {
      counting.close()
      return face.close()
    },
  }
}

/** By `container_id` alone, `framework_id` alone, or `executor_id` and `framework_id`. */
function listContainers(asked: Asked, running: Executor[], cfs: boolean): Answer {
  const { query } = asked
  const container = query.get('container_id')
  const framework = query.get('framework_id')
  const executor = query.get('executor_id')
  const mixed = container !== null && (framework !== null || executor !== null)
  if (mixed || (executor !== null && framework === null)) {
    const only = 'container_id only, framework_id only, or executor_id and framework_id only'
    return refusal(400, `Supported query parameters are ${only}`)
  }
  const wanted = running.filter(
    (one) =>
      (container === null || one.containerId === container) &&
      (framework === null || one.framework.id === framework) &&
      (executor === null || one.id === executor),
  )
  return ok(containers(wanted, cfs), asked)
}
