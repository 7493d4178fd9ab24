import { once } from 'node:events'
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'

/** A request as it came. */
export interface Asked {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
}

export interface HttpServer {
  url: string
  /** `host:port`. */
  host: string
  /** In the order in which they came. */
  asked: Asked[]
  /** From now on it answers so. */
  answer(handler: Handler): void
  close(): void
}

export type Handler = (request: Asked, response: ServerResponse) => unknown

/** A real HTTP server on a port of its own, that goes with the test. Its answers are the test's. */
export async function openHttpServer(
  t: Pick<ExecutionContext, 'teardown'>,
  handler: Handler,
  { port = 0, create = http.createServer }: { port?: number; create?: ServerFactory } = {},
): Promise<HttpServer> {
  const asked: Asked[] = []
  let current = handler
  const server = create((request, response) => {
    void readBody(request).then((body) => {
      const { method = '', url = '', headers } = request
      const one = { method, url, headers, body }
      asked.push(one)
      return current(one, response)
    })
  })
  // A slow machine must not find its connections closed.
  server.keepAliveTimeout = 120_000
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  t.teardown(close)
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}`,
    host,
    asked,
    close,
    answer(next) {
      current = next
    },
  }
}

export type ServerFactory = (listener: RequestListener) => http.Server

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

export function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** An address of this machine at which nobody listens. */
export async function unusedUrl(): Promise<string> {
  const server = http.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}`
}
