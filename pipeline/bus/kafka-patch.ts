import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { wallClock } from '../clock.ts'

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
  send(request: object): Promise<unknown>
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

pool.prototype.send = async function sendOrDrop(this: ConnectionPool, request: object) {
  try {
    return await send.call(this, request)
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'KafkaJSRequestTimeoutError') throw error
    dropConnections(this, error)
    throw new KafkaJSConnectionError(error.message, { broker: `${this.host}:${this.port}` })
  }
}

/** What waits for an answer on them is refused. */
export function dropConnections(connections: Pick<ConnectionPool, 'map'>, why: Error): void {
  connections.map(({ socket }) => socket?.destroy(why))
}
