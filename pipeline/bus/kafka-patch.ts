import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { wallClock } from '../clock.ts'
import { within } from '../within.ts'

/*
 * kafkajs's queue of requests wakes itself each millisecond for ever, also where nothing is queued, by a timer of negative
 * length, of which Node 24 warns (tulios/kafkajs#1751; 3 % of a core a connection, #1704). It is asked to wake only when
 * something waits.
 */
interface RequestQueue {
  pending: unknown[]
  /** ms */
  throttledUntil: number
  scheduleCheckPendingRequests(): void
}

/** Two connections to one broker: one to fetch, one for all the rest. */
export interface ConnectionPool {
  host: string
  port: number
  send(asked: { request: { apiName: string } }): Promise<unknown>
  map(action: (connection: { socket?: Socket }) => unknown): unknown
}

const require = createRequire(import.meta.url)
const { prototype } = require('kafkajs/src/network/requestQueue/index.js') as {
  prototype: RequestQueue
}
// eslint-disable-next-line typescript/unbound-method -- it is called on its object below
const schedule = prototype.scheduleCheckPendingRequests

prototype.scheduleCheckPendingRequests = function scheduleIfNeeded(this: RequestQueue) {
  if (this.pending.length > 0 || this.throttledUntil > wallClock.now()) schedule.call(this)
}

/*
 * A broker that says nothing stays connected for kafkajs, which goes on asking it, also who leads now, and begins with it again and
 * again. As in Kafka's own client, one that has not answered a request in time is no longer connected: others are asked.
 */
const { KafkaJSConnectionError } = require('kafkajs/src/errors.js') as {
  KafkaJSConnectionError: new (message: string, of: { broker: string }) => Error
}
const pool = require('kafkajs/src/network/connectionPool.js') as { prototype: ConnectionPool }
// eslint-disable-next-line typescript/unbound-method -- it is called on its object below
const send = pool.prototype.send

/** What every broker answers at once: with the time of all requests, a few that say nothing would use up that of a write, ms. */
const soonMs = 5000
const soon = new Set(['ApiVersions', 'Metadata'])

pool.prototype.send = async function sendOrDrop(this: ConnectionPool, asked) {
  let isAnswered = false
  const answer = send.call(this, asked).finally(() => (isAnswered = true))
  try {
    return await (soon.has(asked.request.apiName) ? within(answer, soonMs) : answer)
  } catch (error) {
    const { name, message } = error as Error
    if (isAnswered && name !== 'KafkaJSRequestTimeoutError') throw error
    dropConnections(this, error as Error)
    throw new KafkaJSConnectionError(message, { broker: `${this.host}:${this.port}` })
  }
}

/** What waits for an answer on them is refused. */
export function dropConnections(connections: Pick<ConnectionPool, 'map'>, why: Error): void {
  connections.map(({ socket }) => socket?.destroy(why))
}
