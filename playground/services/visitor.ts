import { Agent, request } from 'node:http'
import { announce, between, chance, pick, takeOrders } from './service.ts'

/** Visitors of the shop: asks the web instances in turn, and like any visitor tries again where it failed. */

const everyMs = 1000 / 12
const agent = new Agent({ keepAlive: true, maxSockets: 16 })
let ports: number[] = []
let turn = 0

function path(): string {
  if (chance() < 0.01) return '/login'
  if (chance() < 0.01) return `/old/${between(1, 99)}`
  return pick(['/', '/cart', '/search?q=lamp', `/product/${between(1, 500)}`])
}

function visit(url: string, attempts: number): void {
  const port = ports[turn++ % ports.length]
  if (port === undefined) return
  const again = () => {
    if (attempts > 1) setTimeout(() => visit(url, attempts - 1), 100)
  }
  const headers = { 'user-agent': 'shop-visitor/1.0' }
  request({ host: '127.0.0.1', port, path: url, agent, headers, timeout: 2000 }, (response) => {
    response.resume()
    if (response.statusCode === 500) again()
  })
    // An instance may just have died: the next one is asked.
    .on('error', again)
    .end()
}

takeOrders((order) => {
  if (order.kind === 'targets') ports = order.ports
})
announce()
setInterval(() => visit(path(), 2), everyMs)
