import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openRandom } from '../test/helpers/random.ts'

/*
 * The lines of the bench: four containers, as Docker's json-file driver writes them; half JSON application lines,
 * three tenths access lines, the rest plain text with Java stack traces; 220 bytes a line in the mean. The seed is fixed.
 */

const services = ['/shop/orders', '/shop/cart', '/edge/proxy', '/shop/billing']
const firstNs = 1_795_000_000_000_000_000n

export interface WrittenData {
  lines: number
  bytes: number
  services: string[]
}

/** Writes `lines` lines into four containers below `root`. */
export function writeData(root: string, lines: number): WrittenData {
  const random = openRandom(20261122)
  let bytes = 0
  for (const [index, service] of services.entries()) {
    const id = createHash('sha256').update(service).digest('hex')
    const dir = join(root, id)
    mkdirSync(dir, { recursive: true })
    const file = join(dir, `${id}-json.log`)
    writeFileSync(join(dir, 'config.v2.json'), JSON.stringify(configOf(id, service, file)))
    bytes += writeLines(file, lines / services.length, index, random)
  }
  return { lines, bytes, services }
}

function writeLines(file: string, count: number, kind: number, random: () => number): number {
  const fd = openSync(file, 'w')
  let ns = firstNs + BigInt(kind)
  let bytes = 0
  let buffer: string[] = []
  const maker = openMaker(kind, random)
  for (let i = 0; i < count; i++) {
    ns += BigInt(500_000 + Math.floor(random() * 9_000_000))
    const ms = Number(ns / 1_000_000n)
    const time = `${new Date(ms).toISOString().slice(0, 19)}.${(ns % 1_000_000_000n).toString().padStart(9, '0')}Z`
    const { text, stderr } = maker(time)
    buffer.push(
      `{"log":${JSON.stringify(`${text}\n`)},"stream":"${stderr ? 'stderr' : 'stdout'}","time":"${time}"}\n`,
    )
    if (buffer.length === 5000 || i === count - 1) {
      bytes += writeSync(fd, buffer.join(''))
      buffer = []
    }
  }
  closeSync(fd)
  return bytes
}

export type Maker = (time: string) => { text: string; stderr?: boolean }

export function openMaker(kind: number, random: () => number): Maker {
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item
  const number = (below: number) => Math.floor(random() * below)
  const hex = (length: number) => Array.from({ length }, () => number(16).toString(16)).join('')
  const paths = [
    '/api/v1/orders',
    '/api/v1/cart/items',
    '/static/app.3f2c1.js',
    '/healthz',
    '/search?q=lamp%20shade',
    '/img/ü/1024.webp',
  ]
  const loggers = [
    'com.shop.order.OrderService',
    'com.shop.cart.CartController',
    'com.shop.pay.PaymentGateway',
  ]
  const messages = [
    'request handled',
    'order placed, reserving stock',
    'cache miss, loading from database',
    'payment "authorised" by provider',
    'slow query detected on replica',
  ]
  const frames = [
    'org.springframework.web.servlet.FrameworkServlet.service(FrameworkServlet.java:897)',
    'com.shop.order.OrderService.place(OrderService.java:142)',
    'java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1136)',
  ]
  let trace = 0

  const app: Maker = (time) => {
    const level = random()
    return {
      text: JSON.stringify({
        ts: time,
        level: level < 0.85 ? 'INFO' : level < 0.95 ? 'WARN' : 'ERROR',
        logger: pick(loggers),
        thread: `http-nio-8080-exec-${number(40)}`,
        trace_id: hex(32),
        user: `u${100_000 + number(5000)}`,
        msg: pick(messages),
        path: pick(paths),
        status: pick([200, 200, 201, 304, 404, 500]),
        dur_ms: Number((random() * 180).toFixed(2)),
      }),
    }
  }
  const access: Maker = (time) => ({
    text:
      `10.${number(256)}.${number(256)}.${number(256)} - u${100_000 + number(5000)} [22/Nov/2026:${time.slice(11, 19)} +0000] ` +
      `"${pick(['GET', 'GET', 'POST'])} ${pick(paths)} HTTP/1.1" ${pick([200, 200, 304, 404, 502])} ${number(90_000)} ` +
      `"https://shop.example.org${pick(paths)}" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36" ${random().toFixed(3)}`,
  })
  const plain: Maker = (time) => {
    if (trace > 0) {
      trace--
      return { text: `\tat ${pick(frames)}`, stderr: true }
    }
    const head = `${time.slice(0, 10)} ${time.slice(11, 19)},${100 + number(900)}`
    const r = random()
    if (r < 0.03) {
      trace = 5 + number(12)
      return {
        text: `${head} ERROR [pool-${number(9)}] ${pick(loggers)} - java.lang.IllegalStateException: pool exhausted for u${number(5000)}`,
        stderr: true,
      }
    }
    return {
      text: `${head} ${r < 0.8 ? 'INFO' : 'WARN'} [pool-${number(9)}] ${pick(loggers)} - ${pick(messages)} id=${hex(12)} took ${number(900)} ms`,
    }
  }
  if (kind < 2) return app
  if (kind === 2) return access
  let turn = 0
  return (time) => (++turn % 5 === 0 ? access(time) : plain(time))
}

function configOf(id: string, service: string, path: string) {
  return {
    ID: id,
    Name: `/mesos-${id.slice(0, 8)}`,
    Config: {
      Env: [
        `MARATHON_APP_ID=${service}`,
        `MESOS_TASK_ID=${service.slice(1).replace('/', '_')}.bench`,
      ],
      Image: 'bench:1',
      Labels: {},
      Tty: false,
    },
    State: { Running: true },
    LogPath: path,
    HostConfig: { LogConfig: { Type: 'json-file' } },
  }
}
