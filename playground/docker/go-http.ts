import type { ServerResponse } from 'node:http'
import type { Clock } from '../../pipeline/clock.ts'

/** HTTP as dockerd, a Go program, speaks it: which headers in which order, and where a length is told. */

/** Go tells the length of what it has whole before this is full, and sends the rest in chunks. */
const lengthBelow = 2048

const common: [string, string][] = [
  ['Api-Version', '1.41'],
  ['Docker-Experimental', 'false'],
  ['Ostype', 'linux'],
  ['Server', 'Docker/20.10.24+dfsg1 (linux)'],
]

export interface Head {
  status?: number
  /** None: logs have no type in 20.10. */
  type?: string
  more?: [string, string][]
  clock: Clock
}

/** The head of an answer that comes in chunks; it is sent at once. */
export function startChunks(response: ServerResponse, head: Head): void {
  writeHead(response, head, [['Transfer-Encoding', 'chunked']])
  response.flushHeaders()
}

/** A value as JSON, with the newline that Go's encoder puts behind it. */
export function sendJson(response: ServerResponse, value: unknown, head: Omit<Head, 'type'>): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`)
  const length: [string, string][] =
    body.length < lengthBelow
      ? [['Content-Length', String(body.length)]]
      : [['Transfer-Encoding', 'chunked']]
  writeHead(response, { ...head, type: 'application/json' }, length)
  response.end(body)
}

export function sendError(
  response: ServerResponse,
  status: number,
  message: string,
  clock: Clock,
): void {
  sendJson(response, { message }, { status, clock })
}

/** A text whose type Go guesses, which it tells last. */
export function sendText(response: ServerResponse, text: string, head: Head): void {
  const last: [string, string][] = [
    ['Content-Length', String(text.length)],
    ['Content-Type', 'text/plain; charset=utf-8'],
  ]
  writeHead(response, head, last)
  response.end(text)
}

/** Sorted by name, then the date, then what is about the body. */
function writeHead(
  response: ServerResponse,
  { status = 200, type, more = [], clock }: Head,
  body: [string, string][],
): void {
  const typed: [string, string][] = type === undefined ? [] : [['Content-Type', type]]
  const named = [...common, ...more, ...typed].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const date: [string, string] = ['Date', new Date(clock.now()).toUTCString()]
  response.sendDate = false
  // Go says nothing of a connection that stays.
  response.removeHeader('connection')
  response.writeHead(status, [...named, date, ...body].flat())
}
