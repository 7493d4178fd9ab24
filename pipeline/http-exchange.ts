import { X509Certificate } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import type { Readable } from 'node:stream'
import { createSecureContext } from 'node:tls'
import fetch, { Headers, type Response } from 'node-fetch'
import { Trouble } from './errors.ts'
import type { HttpAnswer, HttpAuth, HttpOptions, HttpRequest } from './http.ts'
import { isRedirect, maxRedirects, redirectOf } from './http-redirect.ts'
import { answerTrouble, whyAway, type Asked } from './http-trouble.ts'

/** What one address answered: with the body read or, of a good answer that is to be streamed, not. */
export type Got = { answer: HttpAnswer; asked: Asked } | { body: Readable; url: string }

/** Why it did not: an error code, or `timeout: …`. */
export interface Failure {
  why: string
  cause: unknown
}

export interface Exchange {
  base: string
  path: string
  request: HttpRequest
  streams: boolean
  /** For the whole answer; of a stream, for its beginning. */
  limitMs: number
}

const usualMaxBytes = 64 * 2 ** 20

export const methodOf = ({ method = 'GET' }: HttpRequest): string => method

/** Asks one address, through redirects. `hosts`: those to which the login may go. */
export function openExchange(options: HttpOptions, hosts: readonly string[]) {
  const { name, auth, maxBytes = usualMaxBytes } = options
  const agents = openAgents(options)
  const closing = new AbortController()

  /** A connection that was kept alive may have been closed by the other side just now: then a new one is tried. */
  async function ask(exchange: Exchange): Promise<Got | Failure> {
    const keepAlive = methodOf(exchange.request) === 'GET' && !exchange.streams
    const result = await askOnce(exchange, keepAlive)
    const isStale = keepAlive && 'why' in result && ['ECONNRESET', 'EPIPE'].includes(result.why)
    return isStale ? askOnce(exchange, false) : result
  }

  async function askOnce(exchange: Exchange, keepAlive: boolean): Promise<Got | Failure> {
    const { request, streams, limitMs } = exchange
    const givenUp = [closing.signal, ...(request.signal ? [request.signal] : [])]
    for (const signal of givenUp) signal.throwIfAborted()
    const limit = openLimit(limitMs, givenUp)
    let isStreaming = false
    try {
      const { response, asked } = await follow(exchange, keepAlive, limit.signal)
      const body = response.body as unknown as Readable | null
      if (streams && response.ok && body) {
        isStreaming = true
        limit.lift()
        body.once('close', limit.end)
        return { body, url: response.url }
      }
      const bytes = await readBytes(response, body, asked, request.maxBytes ?? maxBytes)
      const text = textOf(bytes, request)
      const headers = Object.fromEntries(response.headers)
      return { answer: { status: response.status, headers, text, url: response.url }, asked }
    } catch (cause) {
      if (cause instanceof Trouble) throw cause
      for (const signal of givenUp) signal.throwIfAborted()
      const why = limit.isOver() ? `timeout: no whole answer within ${limitMs / 1000} s` : undefined
      return { why: why ?? whyAway(cause), cause }
    } finally {
      if (!isStreaming) limit.end()
    }
  }

  async function follow(
    { base, path, request }: Exchange,
    keepAlive: boolean,
    signal: AbortSignal,
  ): Promise<{ response: Response; asked: Asked }> {
    let method = methodOf(request)
    let body = request.body === undefined ? undefined : JSON.stringify(request.body)
    let url = new URL(base + path)
    const seen = new Set([url.href])
    for (;;) {
      const withoutLogin = auth !== undefined && !hosts.includes(url.host)
      const asked = { name, base: url.origin, method, path: url.pathname, withoutLogin }
      const response = await fetch(url, {
        method,
        headers: headersOf(request, body !== undefined, withoutLogin ? undefined : auth),
        agent: agents.of(keepAlive),
        redirect: 'manual',
        signal,
        ...(body === undefined ? {} : { body }),
      })
      const location = response.headers.get('location')
      if (!isRedirect(response.status) || location === null) return { response, asked }
      ;(response.body as unknown as Readable | null)?.destroy()
      const next = redirectOf(response.status, url, method, location)
      if ('refused' in next) throw misleads(asked, next.refused)
      ;({ url, method } = next)
      if (next.dropsBody) body = undefined
      if (seen.has(url.href)) throw misleads(asked, `redirects in a circle, to ${url.href}`)
      if (seen.size > maxRedirects) throw misleads(asked, `redirects again, to ${url.href}`)
      seen.add(url.href)
    }
  }

  return {
    ask,
    close() {
      closing.abort(new Trouble(`the client of ${name} is closed`))
      agents.close()
    },
  }
}

const misleads = (asked: Asked, said: string) =>
  answerTrouble(asked, said, 'is it set up right? Otherwise name the address of the leader')

function headersOf(request: HttpRequest, hasBody: boolean, auth: HttpAuth | undefined): Headers {
  const headers = new Headers({
    accept: 'application/json',
    'accept-encoding': 'gzip',
    'user-agent': 'mesoscope',
  })
  if (hasBody) headers.set('content-type', 'application/json')
  for (const [key, value] of Object.entries(request.headers ?? {})) headers.set(key, value)
  if (auth) headers.set('authorization', authorization(auth))
  return headers
}

function authorization(auth: HttpAuth): string {
  if (auth.kind === 'basic') {
    return `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}`
  }
  return auth.kind === 'token' ? `token=${auth.token}` : `Bearer ${auth.token}`
}

/** Of UTF-8 a byte order mark goes, and what is broken becomes U+FFFD. */
function textOf(bytes: Buffer, { encoding }: HttpRequest): string {
  return encoding === undefined ? new TextDecoder().decode(bytes) : bytes.toString(encoding)
}

/** Bytes are counted as they are after decompression. */
async function readBytes(
  response: Response,
  body: Readable | null,
  asked: Asked,
  maxBytes: number,
): Promise<Buffer> {
  const tooMuch = () => {
    body?.destroy()
    return answerTrouble(asked, `answered ${response.status} with more than ${maxBytes} bytes`)
  }
  if (Number(response.headers.get('content-length')) > maxBytes) throw tooMuch()
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += (chunk as Buffer).length
    if (size > maxBytes) throw tooMuch()
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks, size)
}

/** A signal that aborts after `ms`, or with one of the others; nothing is left on these after `end`. */
function openLimit(ms: number, others: readonly AbortSignal[]) {
  const controller = new AbortController()
  let isOver = false
  const abort = () => controller.abort()
  const timer = setTimeout(() => {
    isOver = true
    abort()
  }, ms)
  for (const other of others) other.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    isOver: () => isOver,
    /** No time limit any more. */
    lift: () => clearTimeout(timer),
    end() {
      clearTimeout(timer)
      for (const other of others) other.removeEventListener('abort', abort)
    },
  }
}

/** Requests that change something, and streams, get a connection of their own: one kept alive may close under them. */
function openAgents(options: HttpOptions) {
  checkTls(options)
  const { ca, cert, key } = options
  const pair = (keepAlive: boolean) => ({
    'http:': new http.Agent({ keepAlive }),
    'https:': new https.Agent({ keepAlive, ca, cert, key }),
  })
  const [kept, single] = [pair(true), pair(false)]
  return {
    of: (keepAlive: boolean) => (url: URL) =>
      (keepAlive ? kept : single)[url.protocol as 'http:' | 'https:'],
    close() {
      for (const agent of [kept, single].flatMap((two) => Object.values(two))) agent.destroy()
    },
  }
}

function checkTls({ name, ca, cert, key }: HttpOptions): void {
  try {
    // A wrong authority is not told by the context, it only trusts nobody.
    const isCertificate = ca === undefined || new X509Certificate(ca).raw.length > 0
    if (isCertificate) createSecureContext({ cert, key })
  } catch (cause) {
    throw new Trouble(`${name}: its certificates or key cannot be used`, {
      remedy: 'name files in PEM, and the key that belongs to the certificate',
      cause,
    })
  }
}
