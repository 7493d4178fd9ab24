import type { IncomingMessage, ServerResponse } from 'node:http'
import { accessLine, drainOnTerm, listen } from './http.ts'
import { between, chance, failsNow, nowMs, pick, print, say, takeOrders, work } from './service.ts'

/**
 * The shop's web server: an access line a request, a line of JSON for what is worth one. A page costs some CPU, and as
 * with a CPU quota no more is done at a time than its share of the machine allows: who asks too much, waits.
 */

const burstLines = 20_000
const users = ['anna', 'bela', 'cem', 'dora'] as const
const pageCpuMs = Number(process.env['PAGE_CPU_MS'] ?? 4)
/** Of a core, as Marathon says. */
const share = Number(process.env['MARATHON_APP_RESOURCE_CPUS'] ?? 0.25)
/** Who would have to wait longer is refused. */
const patienceMs = 1000

/** When it is done with all that it was asked for; ms since the epoch. */
let busyUntil = 0

/** When it took up the first of the requests that lie before it at once; undefined: none lies there. */
let tookUp: number | undefined
/** On a machine that has no time for it the others are refused then, so that health checks are answered. */
const atOnceMs = 250

function isBehind(now: number): boolean {
  if (tookUp === undefined) {
    tookUp = now
    setImmediate(() => {
      tookUp = undefined
    })
  }
  return now - tookUp > atOnceMs
}

interface Answer {
  status: number
  body: string
}

function answer(path: string, durationMs: number): Answer {
  if (failsNow()) return fail(path, durationMs)
  if (path.startsWith('/old')) {
    say('warn', 'no such page', { path })
    return { status: 404, body: 'not found\n' }
  }
  if (durationMs > 280) say('warn', 'slow answer', { path, durationMs })
  else if (path === '/login') sayLogin()
  else if (chance() < 0.4) say('info', 'page rendered', { path, durationMs })
  return chance() < 0.003 ? fail(path, durationMs) : { status: 200, body: `${path}\n` }
}

function fail(path: string, durationMs: number): Answer {
  const error = pick([
    'connect ECONNREFUSED 10.0.3.17:5432',
    'no free connection in the pool after 5000 ms',
    'upstream /shop/payments timed out',
  ])
  say('error', 'request failed', { path, status: 500, error, durationMs })
  return { status: 500, body: 'internal error\n' }
}

/** As careless as real programs are: Mesoscope has to hide this. */
function sayLogin(): void {
  const user = pick(users)
  say('info', `login ok user=${user} password=hunter2`, { user })
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '/'
  if (path === '/health') return void response.end('ok\n')
  const begun = nowMs()
  if (busyUntil - begun > patienceMs || isBehind(begun)) return refuse(request, response)
  busyUntil = Math.max(begun, busyUntil) + pageCpuMs / share
  work(pageCpuMs)
  const slow = chance() < 0.02 ? between(281, 400) : between(2, 25)
  setTimeout(
    () => {
      const { status, body } = answer(path, Math.round(nowMs() - begun))
      finish(request, response, status, body)
    },
    busyUntil - nowMs() + slow,
  )
}

function refuse(request: IncomingMessage, response: ServerResponse): void {
  if (chance() < 0.05) say('warn', 'overloaded: requests are refused', { path: request.url })
  finish(request, response, 503, 'overloaded\n')
}

function finish(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(body)
  print(accessLine(request, response, body.length))
}

function burst(lines = burstLines): void {
  say('warn', `debug logging is on: ${lines} lines follow`)
  for (let n = 0; n < lines; n++) {
    say('debug', 'cache entry checked', { n, of: lines, key: `product:${between(1, 9999)}` })
  }
}

takeOrders((order) => {
  if (order.kind === 'fault' && order.fault === 'burst' && order.on) burst(order.amount)
})
say('info', 'starting', { version: process.env['MARATHON_APP_VERSION'] })
drainOnTerm(listen(serve))
