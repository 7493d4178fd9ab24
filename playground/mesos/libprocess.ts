import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { dirname } from 'node:path/posix'
import { gzipSync } from 'node:zlib'
import type { Clock } from '../../pipeline/clock.ts'
import { explain } from '../../pipeline/errors.ts'

/**
 * HTTP as libprocess, Mesos' own server, speaks it: which headers in which order, gzip, texts of refusals.
 */

export interface Asked {
  method: string
  /** Decoded, with the process in front: `/master/state`, also where `/state` was asked. */
  path: string
  query: URLSearchParams
  /** Names in lower case. */
  headers: IncomingMessage['headers']
  body: Buffer
}

export interface Answer {
  status: number
  headers: [string, string][]
  body: Buffer
}

/** Answers whole, or writes to the response itself as long as it likes and returns nothing. */
export type Route = (
  asked: Asked,
  response: ServerResponse,
) => Answer | undefined | Promise<Answer | undefined>

export interface LibprocessOptions {
  /** The process that is meant where a path names none: `master`, `slave(1)`. */
  process: string
  /** By path, with the process in front. */
  routes: ReadonlyMap<string, Route>
  clock: Clock
}

const maxBody = 1024 * 1024
const gzipFrom = 1024

/** The listener for `serve`. */
export function libprocess({ process, routes, clock }: LibprocessOptions): RequestListener {
  const processes = new Set([...routes.keys()].map((path) => path.split('/')[1] as string))

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [target = '/', search = ''] = (request.url ?? '/').split(/\?(.*)/s)
    const named = decoded(target)
    const path = processes.has(named.split('/')[1] as string) ? named : `/${process}${named}`
    const asked: Asked = {
      method: request.method ?? 'GET',
      path,
      query: new URLSearchParams(search),
      headers: request.headers,
      body: await readBody(request),
    }
    const route = path.includes('/..') ? undefined : routeOf(path, routes)
    const whole = route ? await route(asked, response) : refusal(404)
    if (whole) send(response, asked, whole, clock)
  }

  return (request, response) => {
    response.sendDate = false
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) return void response.destroy()
      const { headers, body } = refusal(500, explain(error))
      writeHead(response, 500, headers, clock)
      response.end(body)
    })
  }
}

/** What stands behind a path of a route is for the route to refuse. */
function routeOf(path: string, routes: ReadonlyMap<string, Route>): Route | undefined {
  for (let at = path; at !== '/'; at = dirname(at)) {
    const route = routes.get(at)
    if (route) return route
  }
  return undefined
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    length += (chunk as Buffer).length
    if (length > maxBody) throw new Error('the body is too long')
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

/** Headers as they are, none of Node's own: libprocess says nothing of the connection. */
export function writeHead(
  response: ServerResponse,
  status: number,
  headers: [string, string][],
  clock: Clock,
): void {
  response.removeHeader('connection')
  const date: [string, string] = ['Date', new Date(clock.now()).toUTCString()]
  const all = [date, ...headers].flat()
  response.writeHead(status, all)
}

function send(response: ServerResponse, asked: Asked, answer: Answer, clock: Clock): void {
  const { status, headers, body } = answer
  const zips = body.length >= gzipFrom && acceptsGzip(asked.headers['accept-encoding'])
  const sent = zips ? gzipSync(body) : body
  const encoded: [string, string][] = zips ? [['Content-Encoding', 'gzip']] : []
  const filled = headers.map(([name, value]): [string, string] => [
    name,
    name === 'Content-Length' ? String(sent.length) : value,
  ])
  writeHead(response, status, [...encoded, ...filled], clock)
  response.end(sent)
}

/** By name before `*`, unless with a weight of zero. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  const wanted = String(header ?? '')
    .replaceAll(/\s/g, '')
    .toLowerCase()
    .split(',')
  for (const name of ['gzip', '*']) {
    const found = wanted.find((one) => one.split(';')[0] === name)
    if (found !== undefined) return !/;q=0(\.0*)?$/.test(found)
  }
  return false
}

/** An answer of v0: the length before the type. With `?jsonp=name` it is a script. */
export function ok(content: unknown, { query }: Asked): Answer {
  const json = JSON.stringify(content)
  const callback = query.get('jsonp')
  if (callback !== null) return texted(200, 'text/javascript', `${callback}(${json});`, true)
  return texted(200, 'application/json', json, true)
}

/** An answer of the operator API: the type before the length. */
export function okV1(content: unknown): Answer {
  return texted(200, 'application/json', JSON.stringify(content))
}

/** 200 without a body. */
export const empty: Answer = {
  status: 200,
  headers: [['Content-Length', '0']],
  body: Buffer.alloc(0),
}

export function redirect(location: string): Answer {
  const headers: [string, string][] = [
    ['Location', location],
    ['Content-Length', '0'],
  ]
  return { status: 307, headers, body: Buffer.alloc(0) }
}

const phrases: Record<number, string> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  501: 'Not Implemented',
}

/** Any refusal: a line of text. */
export function refusal(status: number, text = `${status} ${phrases[status]}.`): Answer {
  return texted(status, 'text/plain; charset=utf-8', text)
}

export function methodNotAllowed(allowed: string, { method }: Asked): Answer {
  const text = `405 Method Not Allowed. Expecting one of { '${allowed}' }, but received '${method}'.`
  const { headers, ...rest } = refusal(405, text)
  return { ...rest, headers: [['Allow', allowed], ...headers] }
}

export function texted(
  status: number,
  type: string,
  text: string | Buffer,
  lengthFirst = false,
): Answer {
  const body = Buffer.from(text)
  const length: [string, string] = ['Content-Length', String(body.length)]
  const kind: [string, string] = ['Content-Type', type]
  return { status, headers: lengthFirst ? [length, kind] : [kind, length], body }
}
