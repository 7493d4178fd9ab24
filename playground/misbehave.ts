import { createServer, type RequestListener, type Server } from 'node:http'
import { rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { pause } from '../pipeline/clock.ts'

/** What a server of the playground can be told to do instead of its work. */
export const misbehaviors = ['away', 'html', '503'] as const
/**
 * `away`: nobody listens, what was connected is cut off. `html`: any request is answered with 200 and a page. `503`: with
 * 503 and a line of text.
 */
export type Misbehavior = (typeof misbehaviors)[number]

/** What every HTTP face of the playground offers, so that faults can take it away. */
export interface Face {
  /** `http://127.0.0.1:<port>`, or `unix:<path>`. */
  url: string
  /** Until it is told otherwise; `undefined`: it works again. */
  misbehave(kind: Misbehavior | undefined): void
  close(): Promise<void>
}

/** Of all instances that can lead: the masters, or the Marathons. */
export interface Leading {
  /** There is no leader for that long, then another instance leads. Resolves when it does. */
  loseLeader(forMs: number): Promise<void>
}

/** What can become of Marathon's events on their way to those who listen. */
export type EventsFault = 'drop' | 'double' | 'reorder'

export interface EventsHook {
  disturbEvents(fault: EventsFault | undefined): void
}

/** Where to listen: on a port of 127.0.0.1 (0: any free one), or on a unix socket. */
export type Listening = { port: number } | { socket: string }

const host = '127.0.0.1'
const page =
  '<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>\n'

/**
 * Serves `handle` and misbehaves when it is told to. Rejects where it cannot listen. After `away` it listens at the same
 * address again, and tries until it can, should somebody have taken the port meanwhile.
 */
export async function serve(handle: RequestListener, at: Listening): Promise<Face> {
  let kind: Misbehavior | undefined
  const answer: RequestListener = (request, response) => {
    if (kind === undefined) return handle(request, response)
    request.resume()
    const [status, type, body] =
      kind === 'html' ? [200, 'text/html', page] : [503, 'text/plain', 'Service Unavailable\n']
    response.writeHead(status, { 'content-type': type }).end(body)
  }

  let server: Server | undefined = await listen(answer, at)
  const address: Listening = 'socket' in at ? at : { port: (server.address() as AddressInfo).port }
  const closing = new AbortController()
  let changes = Promise.resolve()

  const wanted = () => kind !== 'away' && !closing.signal.aborted

  async function apply(): Promise<void> {
    if (!wanted()) {
      const ended = server
      server = undefined
      if (ended) await shut(ended)
      return
    }
    while (!server && wanted()) {
      server = await listen(answer, address).catch(() => undefined)
      if (!server) await pause(100, closing.signal)
    }
  }

  function change(): Promise<void> {
    changes = changes.then(apply)
    return changes
  }

  return {
    url: 'socket' in address ? `unix:${address.socket}` : `http://${host}:${address.port}`,
    misbehave(next) {
      kind = next
      void change()
    },
    close() {
      closing.abort()
      return change()
    },
  }
}

function listen(answer: RequestListener, at: Listening): Promise<Server> {
  // A killed playground leaves its sockets behind.
  if ('socket' in at) rmSync(at.socket, { force: true })
  const server = createServer(answer)
  // Neither Mesos nor Docker ends a connection that rests, and their clients are not told that Node would.
  server.keepAliveTimeout = 0
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve(server)
    })
    if ('socket' in at) server.listen(at.socket)
    else server.listen(at.port, host)
  })
}

/** Also what streams without an end. */
function shut(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
