import type { ServerResponse } from 'node:http'
import type { Clock } from '../../pipeline/clock.ts'
import { serve, type Face } from '../misbehave.ts'
import { openCounting } from './counters.ts'
import { version } from './json/build.ts'
import { masterFlags } from './json/flags.ts'
import { masterMetrics } from './json/master-metrics.ts'
import { masterAnswers } from './json/master-operator.ts'
import * as tell from './json/master-state.ts'
import { metricList, snapshot, systemStats } from './json/system-metrics.ts'
import { libprocess, empty, ok, okV1, redirect, refusal } from './libprocess.ts'
import type { Answer, Asked, Route } from './libprocess.ts'
import type { MesosCluster } from './model.ts'
import { masterCalls, readCall, type Call } from './operator.ts'
import { openRateLimit } from './rate-limit.ts'
import { openSubscribers } from './subscribers.ts'
import { badTimeout } from './timeout.ts'

export interface MasterOptions {
  cluster: MesosCluster
  /** 0: any free one. */
  port: number
  isLeader(): boolean
  /** Of the leading master, `127.0.0.1:5050`; undefined while there is none. */
  leaderAddress(): string | undefined
  clock: Clock
  /** Above it the oldest subscriber is ended; 1000 unless set. */
  maxSubscribers?: number
  /** 15 s unless set; subscribers are told 15 s in any case. */
  heartbeatMs?: number
}

/** A master of Mesos 1.11. Rejects where it cannot listen. */
export async function openMesosMaster(options: MasterOptions): Promise<Face> {
  const { cluster, clock, isLeader } = options
  const startedAt = clock.now()
  let port = options.port
  const counting = openCounting(cluster, isLeader)
  const limit = openRateLimit(2)
  const subscribers = openSubscribers({ ...options, max: options.maxSubscribers ?? 1000 })

  const hostname = () => options.leaderAddress()?.split(':')[0] ?? '127.0.0.1'
  const leader = (): tell.Leader => ({ cluster, hostname: hostname(), port })
  const metrics = () =>
    masterMetrics({
      cluster,
      leads: isLeader(),
      counters: counting.counters(),
      subscribers: subscribers.count(),
      now: clock.now(),
      startedAt: isLeader() ? cluster.startedAt : startedAt,
    })

  /** Answered by the leader alone. */
  function led(answer: (asked: Asked, response: ServerResponse) => Answer | undefined): Route {
    return (asked, response) =>
      isLeader() ? answer(asked, response) : toLeader(asked, options.leaderAddress())
  }
  const view = (of: (leader: tell.Leader, asked: Asked) => unknown) =>
    led((asked) => ok(of(leader(), asked), asked))

  function operator(asked: Asked, response: ServerResponse): Answer | undefined {
    const read = readCall(asked, { of: 'master', calls: masterCalls })
    if ('refused' in read) return read.refused
    if (read.call.type !== 'SUBSCRIBE') return answerCall(read.call)
    subscribers.add(response, leader())
    return undefined
  }

  function answerCall({ type }: Call): Answer {
    const key = type.toLowerCase()
    if (type === 'GET_METRICS') return okV1({ type, [key]: { metrics: metricList(metrics()) } })
    // There are no logs and nothing to change here: as for an operator without rights.
    const answer = masterAnswers[type]
    return answer ? okV1({ type, [key]: answer(leader()) }) : refusal(403)
  }

  const routes = new Map<string, Route>([
    ['/master/state', view(tell.state)],
    ['/master/state-summary', view(tell.stateSummary)],
    ['/master/tasks', view((of, { query }) => tell.tasksPage(of, query))],
    ['/master/slaves', view((of, { query }) => tell.slaves(of, query.get('slave_id')))],
    ['/master/frameworks', view(tell.frameworks)],
    ['/master/roles', view(tell.roles)],
    ['/master/quota', view(() => ({}))],
    ['/master/maintenance/status', view(() => ({}))],
    ['/master/maintenance/schedule', view(() => ({}))],
    ['/master/api/v1', led(operator)],
    ['/master/redirect', (asked) => toLeader(asked, options.leaderAddress())],
    ['/master/health', () => empty],
    [
      '/master/flags',
      (asked) => ok({ flags: masterFlags({ cluster: cluster.name, port }) }, asked),
    ],
    ['/version', (asked) => ok(version(cluster.version), asked)],
    ['/system/stats.json', (asked) => ok(systemStats(), asked)],
    [
      '/metrics/snapshot',
      async (asked) => {
        const bad = badTimeout(asked.query)
        if (bad) return bad
        await limit()
        return ok(snapshot(metrics()), asked)
      },
    ],
  ])

  const face = await serve(libprocess({ process: 'master', routes, clock }), { port })
  port = Number(new URL(face.url).port)
  return {
    ...face,
    close() {
      subscribers.close()
      counting.close()
      return face.close()
    },
  }
}

/** To the same path at the leader, with `/master` in front; `/redirect` itself to its address alone. */
function toLeader({ path, query }: Asked, leader: string | undefined): Answer {
  if (leader === undefined) return refusal(503, 'No leader elected')
  if (path === '/master/redirect') return redirect(`//${leader}`)
  if (path.startsWith('/master/redirect/')) return refusal(404)
  // Mesos keeps parameters in a hash map; as captured, the last comes first.
  const search = new URLSearchParams([...query].toReversed()).toString()
  return redirect(`//${leader}${encodeURI(path)}${search === '' ? '' : `?${search}`}`)
}
