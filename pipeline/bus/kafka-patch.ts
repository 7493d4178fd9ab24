import { createRequire } from 'node:module'
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

const require = createRequire(import.meta.url)
const { prototype } = require('kafkajs/src/network/requestQueue/index.js') as {
  prototype: RequestQueue
}
// eslint-disable-next-line typescript/unbound-method -- it is called on its object below
const schedule = prototype.scheduleCheckPendingRequests

prototype.scheduleCheckPendingRequests = function scheduleIfNeeded(this: RequestQueue) {
  if (this.pending.length > 0 || this.throttledUntil > wallClock.now()) schedule.call(this)
}
