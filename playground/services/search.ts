import type { IncomingMessage, ServerResponse } from 'node:http'
import { drainOnTerm, listen } from './http.ts'
import { between, chance, failsNow, isActing, pick, say, takeOrders } from './service.ts'

/** One container of the pod `/shop/search`: answers queries, and tells of those that others of the shop make. */

const words = ['lamp', 'desk', 'chair', 'shelf'] as const

function answer(_: IncomingMessage, response: ServerResponse): void {
  response.end('ok\n')
}

function query(): void {
  if (isActing('hang')) return
  const q = pick(words)
  if (failsNow()) return say('error', 'query failed', { q, error: 'shard 2 does not answer' })
  const level = chance() < 0.02 ? 'warn' : 'info'
  say(level, level === 'warn' ? 'slow query' : 'query', { q, hits: between(0, 400) })
}

takeOrders()
drainOnTerm(listen(answer))
setInterval(query, 800)
