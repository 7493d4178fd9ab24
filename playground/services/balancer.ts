import { Agent, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen } from './http.ts'
import { takeOrders } from './service.ts'

/**
 * The load balancer before the web instances: asks in turn those it was told to be healthy. Where one cannot be reached, the
 * next is asked: visitors ask for pages, which can be asked for again.
 */

const attempts = 3
const timeoutMs = 5000
const agent = new Agent({ keepAlive: true, maxSockets: 256, timeout: timeoutMs })
let ports: number[] = []
let turn = 0

function pass(from: IncomingMessage, to: ServerResponse, left = attempts): void {
  const port = ports[turn++ % ports.length]
  if (port === undefined) return answer(to, 503, 'no instance is healthy\n')
  const { method, url, headers } = from
  const asked = request(
    { host: '127.0.0.1', port, method, path: url, headers, agent, timeout: timeoutMs },
    (response) => {
      to.writeHead(response.statusCode ?? 502, response.headers)
      response.on('error', () => to.destroy())
      response.pipe(to)
    },
  )
  // Whoever does not answer in time has had its chance.
  let late = false
  asked.on('timeout', () => {
    late = true
    asked.destroy()
  })
  // Whoever has gone away needs no answer, and nobody should work for it.
  const gone = () => asked.destroy()
  to.once('close', gone)
  asked.on('error', () => {
    to.off('close', gone)
    if (to.closed) return
    if (to.headersSent) to.destroy()
    else if (late) answer(to, 504, 'the instance does not answer\n')
    else if (left > 1) pass(from, to, left - 1)
    else answer(to, 502, 'no instance answers\n')
  })
  asked.end()
}

function answer(to: ServerResponse, status: number, body: string): void {
  to.writeHead(status, { 'content-type': 'text/plain' }).end(body)
}

takeOrders((order) => {
  if (order.kind === 'targets') ports = order.ports
})
listen((from, to) => pass(from, to))
