import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { wallClock } from '../../pipeline/clock.ts'
import { announce, between, chance, isActing, pick, print, say, takeOrders } from './service.ts'

/** The shop's web server: an access line a request, a line of JSON for what is worth one. */

const burstLines = 20_000
const users = ['anna', 'bela', 'cem', 'dora'] as const

interface Answer {
  status: number
  body: string
}

function answer(path: string, durationMs: number): Answer {
  if (isActing('errors') && chance() < 0.9) return fail(path, durationMs)
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
  const durationMs = chance() < 0.02 ? between(281, 400) : between(2, 40)
  setTimeout(() => {
    const path = request.url ?? '/'
    const { status, body } = answer(path, durationMs)
    response.writeHead(status, { 'content-type': 'text/plain' }).end(body)
    printAccess(request, path, status, body.length)
  }, durationMs)
}

/** Combined log format. */
function printAccess(request: IncomingMessage, path: string, status: number, bytes: number): void {
  const from = request.socket.remoteAddress ?? '-'
  const agent = request.headers['user-agent'] ?? '-'
  print(
    `${from} - - [${clfTime()}] "${request.method} ${path} HTTP/1.1" ${status} ${bytes} "-" "${agent}"`,
  )
}

/** `22/Nov/2026:18:25:51 +0000` */
function clfTime(): string {
  const [, day, month, year, time] = new Date(wallClock.now()).toUTCString().split(' ')
  return `${day}/${month}/${year}:${time} +0000`
}

function burst(): void {
  say('warn', `debug logging is on: ${burstLines} lines follow`)
  for (let n = 0; n < burstLines; n++) {
    say('debug', 'cache entry checked', { n, of: burstLines, key: `product:${between(1, 9999)}` })
  }
}

/** Listens on the port that was assigned, or on any free one if that was taken meanwhile. */
function listen(server: Server, port: number): void {
  server.once('listening', () => {
    const { port: listening } = server.address() as AddressInfo
    say('info', `listening on http://127.0.0.1:${listening}`)
    announce(listening)
  })
  server.once('error', () => {
    say('warn', `port ${port} is taken, taking another one`)
    server.listen(0, '127.0.0.1')
  })
  server.listen(port, '127.0.0.1')
}

takeOrders((order) => {
  if (order.kind === 'fault' && order.fault === 'burst' && order.on) burst()
})
say('info', 'starting', { version: process.env['MARATHON_APP_VERSION'] })
listen(createServer(serve), Number(process.env['PORT0'] ?? 0))
