import type { ServerResponse } from 'node:http'
import type { ExecutionContext } from 'ava'
import { json, openHttpServer, type HttpServer } from '../helpers/http-server.ts'

/** What the master shows; a test changes it. Shapes of v0 for lists, of v1 for events. */
export interface MasterModel {
  slaves: Record<string, unknown>[]
  recovered: Record<string, unknown>[]
  frameworks: Record<string, unknown>[]
  tasks: Record<string, unknown>[]
  metrics: Record<string, number>
  /** Of GET_MASTER. */
  electedSeconds: number
  /** Heartbeats are announced to come so often, and come only by `emit`. */
  heartbeatSeconds: number
  /** Answers instead; by path (`/slaves`), by call (`SUBSCRIBE`) or for all (`*`). */
  instead: Record<string, (response: ServerResponse) => unknown>
}

export interface MasterServer extends HttpServer {
  model: MasterModel
  /** Subscribers of the stream. */
  streams: Set<ServerResponse>
  /** Sends events to all subscribers, in chunks that fit nothing. */
  emit(...events: unknown[]): void
  count(path: string): number
}

/** A master that answers as Mesos 1.11 does, over a real connection. */
export async function openMasterServer(
  t: ExecutionContext,
  given: Partial<MasterModel> = {},
): Promise<MasterServer> {
  const model: MasterModel = {
    slaves: [],
    recovered: [],
    frameworks: [],
    tasks: [],
    metrics: { 'master/elected': 1 },
    electedSeconds: 1_795_377_380,
    heartbeatSeconds: 15,
    instead: {},
    ...given,
  }
  const streams = new Set<ServerResponse>()
  const server = await openHttpServer(t, ({ url, body }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://master')
    const instead = model.instead[pathname] ?? model.instead['*']
    if (instead) return instead(response)
    if (pathname === '/api/v1')
      return operator((JSON.parse(body) as { type: string }).type, response)
    const answer = answers(model, searchParams)[pathname]
    return answer === undefined ? response.writeHead(404).end() : json(response, answer)
  })

  function operator(type: string, response: ServerResponse): unknown {
    if (model.instead[type]) return model.instead[type](response)
    if (type === 'GET_MASTER') return json(response, { type, get_master: masterInfo(model) })
    if (type !== 'SUBSCRIBE') return response.writeHead(400).end()
    response.writeHead(200, { 'content-type': 'application/json' })
    streams.add(response)
    response.on('close', () => streams.delete(response))
    const get_state = stateOf(model)
    const subscribed = { get_state, heartbeat_interval_seconds: model.heartbeatSeconds }
    return write(response, [{ type: 'SUBSCRIBED', subscribed }])
  }

  return {
    ...server,
    model,
    streams,
    emit: (...events) => streams.forEach((stream) => write(stream, events)),
    count: (path) => server.asked.filter(({ url }) => url.startsWith(path)).length,
  }
}

/** In pieces that end within lengths and characters. */
function write(stream: ServerResponse, events: readonly unknown[]): void {
  const bytes = Buffer.concat(
    events.flatMap((event) => {
      const record = Buffer.from(JSON.stringify(event))
      return [Buffer.from(`${record.length}\n`), record]
    }),
  )
  const size = Math.max(7, Math.ceil(bytes.length / 5))
  for (let at = 0; at < bytes.length; at += size) stream.write(bytes.subarray(at, at + size))
}

function answers(model: MasterModel, query: URLSearchParams): Record<string, unknown> {
  const { slaves, recovered, frameworks, tasks, metrics } = model
  const limit = Number(query.get('limit') ?? 100)
  const offset = Number(query.get('offset') ?? 0)
  return {
    '/slaves': { slaves, recovered_slaves: recovered },
    '/state-summary': { hostname: 'master-1', cluster: 'lab', slaves, frameworks },
    '/tasks': { tasks: tasks.slice(offset, offset + limit) },
    '/metrics/snapshot': metrics,
  }
}

function masterInfo({ electedSeconds }: MasterModel) {
  const master_info = { id: 'M1', pid: 'master@127.0.0.1:5050', hostname: 'master-1' }
  return { master_info, elected_time: electedSeconds }
}

function stateOf({ slaves, recovered, frameworks, tasks }: MasterModel) {
  const since = (seconds: unknown) => ({ nanoseconds: Math.round(Number(seconds ?? 0)) * 1e9 })
  const agent = ({ id, hostname, pid, active, registered_time }: Record<string, unknown>) => ({
    agent_info: { id: { value: id }, hostname },
    pid,
    active,
    registered_time: since(registered_time),
  })
  return {
    get_agents: { agents: slaves.map(agent), recovered_agents: recovered.map(agent) },
    get_frameworks: {
      frameworks: frameworks.map(({ id, name, registered_time }) => ({
        framework_info: { id: { value: id }, name },
        registered_time: since(registered_time),
      })),
    },
    get_tasks: { tasks: tasks.map(taskOfV1) },
  }
}

export function taskOfV1({ id, framework_id, slave_id, ...task }: Record<string, unknown>) {
  return {
    ...task,
    task_id: { value: id },
    framework_id: { value: framework_id },
    agent_id: { value: slave_id },
  }
}
