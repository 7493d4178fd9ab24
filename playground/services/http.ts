import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { announce, isActing, nowMs, say } from './service.ts'

/** How the services of the shop listen. */

/**
 * Listens on the port that Mesos assigned (`PORT0`), without one on any free one, and announces it. A port that is taken ends
 * the program, as it would anywhere: Marathon starts it again with another one.
 */
export function listen(handle: RequestListener): Server {
  const server = createServer((request, response) => {
    // Neither an answer nor an end: whoever asks has to lose patience.
    if (!isActing('hang')) handle(request, response)
  })
  server.once('listening', () => {
    const { port } = server.address() as AddressInfo
    say('info', `listening on http://127.0.0.1:${port}`)
    announce(port)
  })
  server.once('error', (error) => {
    say('fatal', 'cannot listen', { error: error.message })
    process.exit(1)
  })
  server.listen(Number(process.env['PORT0'] ?? 0), '127.0.0.1')
  return server
}

/** On SIGTERM no more connections are taken, what is being answered is answered, and then it ends. */
export function drainOnTerm(server: Server): void {
  process.once('SIGTERM', () => {
    say('info', 'SIGTERM: finishing what is under way')
    server.close(() => process.exit(0))
    server.closeIdleConnections()
    // A connection that is kept alive would hold it for ever.
    setInterval(() => server.closeIdleConnections(), 50)
    setTimeout(() => process.exit(0), 2000)
  })
}

/** Combined log format. */
export function accessLine(
  request: IncomingMessage,
  { statusCode }: ServerResponse,
  bytes: number,
): string {
  const forwarded = request.headers['x-forwarded-for']
  const from = typeof forwarded === 'string' ? forwarded : (request.socket.remoteAddress ?? '-')
  const agent = request.headers['user-agent'] ?? '-'
  const { method, url, httpVersion } = request
  return `${from} - - [${clfTime()}] "${method} ${url} HTTP/${httpVersion}" ${statusCode} ${bytes} "-" "${agent}"`
}

/** `22/Nov/2026:18:25:51 +0000` */
function clfTime(): string {
  const [, day, month, year, time] = new Date(nowMs()).toUTCString().split(' ')
  return `${day}/${month}/${year}:${time} +0000`
}
