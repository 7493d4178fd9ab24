import { Agent, request } from 'node:http'
import { rateAt, type LoadPlan } from '../load-shape.ts'
import type { LoadSecond } from '../orders.ts'
import { announce, between, chance, nowMs, pick, takeOrders } from './service.ts'

/**
 * Visitors of the shop. They come as the plan says, however slow the answers are: only when very many wait do others stay
 * away. What became of them goes into a ledger, a second at a time.
 */

const timeoutMs = 2000
const maxWaiting = 400
const agent = new Agent({ keepAlive: true, maxSockets: maxWaiting })

let port = 0
let plan: LoadPlan | undefined
let due = 0
let waiting = 0
let lastTick = nowMs()
let current = newSecond(lastTick)
let durations: number[] = []

function newSecond(ms: number): LoadSecond {
  return {
    kind: 'load',
    second: Math.floor(ms / 1000),
    wanted: plan ? rateAt(plan, ms) : 0,
    sent: 0,
    answered: 0,
    failed: 0,
    unanswered: 0,
    dropped: 0,
    medianMs: 0,
    slowestMs: 0,
  }
}

function tick(): void {
  const now = nowMs()
  setTimeout(tick, untilNext(now))
  if (Math.floor(now / 1000) !== current.second) report(now)
  // After a standstill of the machine the visitors of that time do not come all at once.
  const passed = Math.min(now - lastTick, 1000)
  lastTick = now
  if (!plan || port === 0) return
  due += (rateAt(plan, now) * passed) / 1000
  for (; due >= 1; due--) visit()
}

/** About when the next one comes, ms: one at a time while they are few. */
function untilNext(now: number): number {
  const rate = plan ? rateAt(plan, now) : 0
  return Math.min(100, Math.max(10, 1000 / rate))
}

function report(now: number): void {
  const sorted = durations.toSorted((one, other) => one - other)
  current.medianMs = sorted[Math.floor(sorted.length / 2)] ?? 0
  current.slowestMs = sorted.at(-1) ?? 0
  process.send?.(current)
  durations = []
  current = newSecond(now)
}

function visit(): void {
  if (waiting >= maxWaiting) {
    current.dropped++
    return
  }
  waiting++
  current.sent++
  const begun = nowMs()
  let over = false
  const end = (count: () => void) => {
    if (over) return
    over = true
    waiting--
    count()
  }
  const asked = request(
    { host: '127.0.0.1', port, path: path(), headers: headers(), agent, timeout: timeoutMs },
    (response) => {
      response.resume()
      response.on('error', () => end(() => current.unanswered++))
      response.on('end', () =>
        end(() => {
          durations.push(nowMs() - begun)
          current[(response.statusCode ?? 500) < 500 ? 'answered' : 'failed']++
        }),
      )
    },
  )
  asked.on('timeout', () => asked.destroy())
  asked.on('error', () => end(() => current.unanswered++))
  asked.end()
}

function path(): string {
  if (chance() < 0.01) return '/login'
  if (chance() < 0.01) return `/old/${between(1, 99)}`
  return pick(['/', '/cart', '/search?q=lamp', `/product/${between(1, 500)}`])
}

function headers(): Record<string, string> {
  return {
    'user-agent': 'shop-visitor/1.0',
    'x-forwarded-for': `192.0.2.${between(1, 254)}`,
  }
}

takeOrders((order) => {
  if (order.kind !== 'load') return
  port = order.port
  plan = order.plan
})
announce()
tick()
