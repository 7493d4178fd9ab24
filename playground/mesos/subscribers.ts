import type { ServerResponse } from 'node:http'
import type { Clock } from '../../pipeline/clock.ts'
import { eventV1, heartbeatSeconds, subscribed } from './json/master-operator.ts'
import type { Leader } from './json/master-state.ts'
import { writeHead } from './libprocess.ts'
import type { MesosCluster, MesosEvent } from './model.ts'
import { recordIo } from './recordio.ts'

/** Those who listen to the events of a master. */
export interface Subscribers {
  /** Streams to it from now on: the state, a heartbeat, then what happens. */
  add(response: ServerResponse, leader: Leader): void
  count(): number
  /** A master that loses its lead ends its streams at once. */
  endAll(): void
  close(): void
}

export interface SubscribersOptions {
  cluster: MesosCluster
  clock: Clock
  /** Above it the oldest is ended. */
  max: number
  isLeader(): boolean
  /** 15 s unless a test cannot wait. */
  heartbeatMs?: number
}

/** How often it is looked whether the master still leads. */
const leadMs = 200

export function openSubscribers(options: SubscribersOptions): Subscribers {
  const { cluster, clock, max, isLeader, heartbeatMs = heartbeatSeconds * 1000 } = options
  /** Oldest first; each with its heart. */
  const open = new Map<ServerResponse, NodeJS.Timeout>()

  function send(response: ServerResponse, event: unknown): void {
    response.write(recordIo(JSON.stringify(event)))
  }

  function remove(response: ServerResponse): void {
    clearInterval(open.get(response))
    open.delete(response)
  }

  function end(response: ServerResponse): void {
    remove(response)
    response.end()
  }

  function endAll(): void {
    for (const response of open.keys()) end(response)
  }

  const unlisten = cluster.onEvent((event) => {
    if (open.size === 0 || isUntold(event)) return
    const record = eventV1(event)
    for (const response of open.keys()) send(response, record)
  })
  const watch = setInterval(() => {
    if (!isLeader()) endAll()
  }, leadMs).unref()

  return {
    add(response, leader) {
      const headers: [string, string][] = [
        ['Transfer-Encoding', 'chunked'],
        ['Content-Type', 'application/json'],
      ]
      writeHead(response, 200, headers, clock)
      send(response, subscribed(leader))
      send(response, { type: 'HEARTBEAT' })
      const beat = setInterval(() => send(response, { type: 'HEARTBEAT' }), heartbeatMs).unref()
      open.set(response, beat)
      response.on('close', () => remove(response))
      const oldest = open.size > max ? [...open.keys()][0] : undefined
      if (oldest) end(oldest)
    },
    count: () => open.size,
    endAll,
    close() {
      clearInterval(watch)
      unlisten()
      endAll()
    },
  }
}

/** That a task is being staged is in `TASK_ADDED`; that an agent came back with its tasks is told to nobody, as captured. */
function isUntold(event: MesosEvent): boolean {
  if (event.type !== 'TASK_UPDATED') return false
  const { state, reason } = event.status
  return state === 'TASK_STAGING' || reason === 'REASON_AGENT_REREGISTERED'
}
