import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { pause } from '../../../pipeline/clock.ts'
import { answerApi } from './api.ts'
import type { Context } from './context.ts'
import { accepts, cleanPath, readAsked, type Answer } from './exchange.ts'
import { sendHtmlError } from './html-error.ts'
import { proxy } from './proxy.ts'
import type { EventStreams } from './sse.ts'

export interface InstanceOptions {
  context: Context
  streams: EventStreams
  /** How long a request waits for a leader while there is none: 2.5 s in Marathon. */
  leaderWaitMs: number
  proxyTimeoutMs: number
}

const compress = promisify(gzip)
const leaderPollMs = 250
/** Shorter answers are sent as they are. */
const worthCompressing = 256

/** One Marathon of several: it answers while it leads, and hands requests on to the leader otherwise. */
export function handleInstance(options: InstanceOptions): RequestListener {
  const { context, streams, leaderWaitMs, proxyTimeoutMs } = options
  const { leadership, address } = context

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const leader = leadership.leader() ?? (await waitForLeader())
    if (leader === undefined) {
      return sendHtmlError(response, 502, 'Could not determine the current leader')
    }
    const isEvents = cleanPath(request.url?.split('?', 1)[0] ?? '') === '/v2/events'
    if (leader === address) return isEvents ? attach(request, response) : answer(request, response)
    if (isEvents) return redirect(response, `http://${leader}${request.url}`)
    proxy(request, response, { own: address, leader, timeoutMs: proxyTimeoutMs })
  }

  async function waitForLeader(): Promise<string | undefined> {
    for (let waited = 0; waited < leaderWaitMs; waited += leaderPollMs) {
      await pause(Math.min(leaderPollMs, leaderWaitMs))
      const leader = leadership.leader()
      if (leader !== undefined) return leader
    }
    return undefined
  }

  function attach(request: IncomingMessage, response: ServerResponse): void {
    addLeaderHeaders(response)
    streams.attach(request, response)
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = await readAsked(request)
    addLeaderHeaders(response)
    const zipped = accepts(request.headers['accept-encoding'] ?? 'identity', 'gzip')
    await send(response, answerApi(context, asked), zipped)
  }

  function addLeaderHeaders(response: ServerResponse): void {
    response.setHeader('X-Marathon-Leader', `http://${address}`)
    response.setHeader('X-Frame-Options', 'DENY')
    response.setHeader('X-XSS-Protection', '1; mode=block')
    response.setHeader('Cache-Control', 'no-cache, no-store, must-revalidate')
    response.setHeader('Pragma', 'no-cache')
    response.setHeader('Expires', '0')
  }

  return (request, response) => {
    // A client that goes away, or sends too much.
    handle(request, response).catch(() => response.destroy())
  }
}

function redirect(response: ServerResponse, to: string): void {
  response.writeHead(302, { location: to, 'content-length': 0 }).end()
}

async function send(
  response: ServerResponse,
  { status, body, headers }: Answer,
  zipped: boolean,
): Promise<void> {
  if (body === undefined) return void response.writeHead(status, headers).end()
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const plain = Buffer.from(text)
  const small = !zipped || plain.length < worthCompressing
  const bytes = small ? plain : await compress(plain)
  response.writeHead(status, {
    'content-type': 'application/json',
    vary: 'Accept-Encoding',
    ...(small ? {} : { 'content-encoding': 'gzip' }),
    ...headers,
    'content-length': bytes.length,
  })
  response.end(bytes)
}
