import type { AlertView } from '../../dashboards/api.ts'
import type { Level } from '../../pipeline/event.ts'
import type { LogRecord } from '../../pipeline/record.ts'
import { openInstance } from './shop.ts'

/** A quarter of an hour of a small shop in which the web service has been failing for four minutes. */
export function shopScene(nowMs: number): { records: LogRecord[]; alerts: AlertView[] } {
  const since = nowMs - 4 * 60_000
  const random = dice(7)
  const records = instances().flatMap(({ instance, say, everyMs }) => {
    const made: LogRecord[] = []
    for (let ms = nowMs - 15 * 60_000; ms < nowMs - 800; ms += everyMs * (0.5 + random())) {
      made.push(instance.write(Math.floor(ms), [say(random, ms >= since)]))
    }
    return made
  })
  return { records, alerts: alertsOf(nowMs, since) }
}

type Say = (random: () => number, ill: boolean) => readonly [Level, string]

function instances() {
  const id = (digit: string) => digit.repeat(64)
  const uuid = '-7f2e-11f0-b5a4-0242ac110002'
  const instance = (service: string, name: string, at: string) =>
    openInstance(service, `${name}.${at.repeat(8)}${uuid}`, id(at))
  return [
    { instance: instance('/shop/web', 'shop_web', 'a'), say: web, everyMs: 1400 },
    { instance: instance('/shop/web', 'shop_web', 'b'), say: web, everyMs: 1700 },
    { instance: instance('/shop/web', 'shop_web', 'c'), say: web, everyMs: 1500 },
    { instance: instance('/shop/cart', 'shop_cart', 'd'), say: cart, everyMs: 2500 },
    { instance: instance('/shop/mailer', 'shop_mailer', 'e'), say: mailer, everyMs: 9000 },
    { instance: instance('/batch/report', 'batch_report', 'f'), say: report, everyMs: 15_000 },
  ]
}

const web: Say = (random, ill) => {
  const path = ['/', '/cart', '/product/8842', '/search?q=tea', '/checkout'][
    Math.floor(random() * 5)
  ]
  const took = Math.floor(random() * 90) + 4
  if (random() < (ill ? 0.45 : 0.01))
    return ['error', `GET ${path} 502 ${took + 3000}ms upstream connect error: connection refused`]
  if (random() < 0.04) return ['warn', `GET ${path} 200 ${took + 900}ms slow answer`]
  return ['info', `GET ${path} 200 ${took}ms`]
}

const cart: Say = (random) => {
  if (random() < 0.02)
    return [
      'error',
      "cart 4411 cannot be priced\nTypeError: Cannot read properties of undefined (reading 'price')\n    at sum (/srv/cart/price.js:41:18)\n    at handle (/srv/cart/http.js:88:9)\n    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)",
    ]
  const fields = {
    msg: 'item added',
    cart: Math.floor(random() * 9000),
    items: Math.ceil(random() * 5),
  }
  return [random() < 0.3 ? 'debug' : 'info', JSON.stringify(fields)]
}

const mailer: Say = (random) =>
  random() < 0.1
    ? ['warn', 'queue is 214 messages long']
    : ['info', `sent order confirmation ${Math.floor(random() * 90000)}`]

const report: Say = (random) => [
  'unknown',
  `wrote report-${Math.floor(random() * 500)}.csv, 1204 rows`,
]

function alertsOf(nowMs: number, since: number): AlertView[] {
  const labels = { severity: 'page', team: 'shop' }
  return [
    {
      incident: 'high-error-rate-shop-web-1',
      alert: 'HighErrorRate',
      service: '/shop/web',
      state: 'firing',
      since,
      value: 0.931,
      threshold: '> 0.5 errors/s for 1m',
      labels,
      annotations: {
        summary: '/shop/web logs 0.93 errors/s on 3 instances',
        runbook: 'https://wiki.test/shop-web',
      },
      link: `#/logs?service=/shop/web&level=error,fatal&from=${new Date(since).toISOString()}`,
    },
    {
      incident: 'high-error-rate-shop-cart-1',
      alert: 'HighErrorRate',
      service: '/shop/cart',
      state: 'resolved',
      since: nowMs - 5_400_000,
      resolvedAt: nowMs - 5_100_000,
      value: 0.01,
      threshold: '> 0.5 errors/s for 1m',
      labels,
      annotations: { summary: '/shop/cart logged 1.2 errors/s' },
    },
  ]
}

/** The same numbers in each run. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
