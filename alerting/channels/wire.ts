/** Requests on the wire: bytes out as they are, an answer back. */
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { maxRedirects, isRedirect, redirectOf } from '../../pipeline/http-redirect.ts'
import { whyAway } from '../../pipeline/http-trouble.ts'
import type { ChannelRequest } from './request.ts'

export interface WireAnswer {
  status: number
  /** In lower case. */
  headers: Readonly<Record<string, string | undefined>>
  /** The beginning of the body, or as much as came in time. */
  text: string
  /** False where more would have come. */
  whole: boolean
}

/** Nobody answered: an error code, or `timeout: …`. */
export interface WireFailure {
  why: string
}

export interface WireOptions {
  /** For a whole exchange, redirects too; ms. */
  timeoutMs: number
  /** PEM texts. */
  ca?: string | undefined
  cert?: string | undefined
  key?: string | undefined
  /** The name that the certificate of the other side must have, where it is not that of the address. */
  servername?: string | undefined
}

/** No answer is read further: it is only told. */
const maxBytes = 64 * 1024

/**
 * Sends a request over a connection of its own and never throws. Redirects are followed on the same host alone and only
 * where the request stays what it is (307, 308): others get neither what it tells nor the login in it. Of one that is
 * not followed the answer is the redirect.
 */
export async function exchange(
  request: ChannelRequest,
  options: WireOptions,
  closing: AbortSignal,
): Promise<WireAnswer | WireFailure> {
  const limit = AbortSignal.timeout(options.timeoutMs)
  const signal = AbortSignal.any([limit, closing])
  try {
    return await follow(request, options, signal)
  } catch (error) {
    if (closing.aborted) return { why: 'the channel is closed' }
    const late = `timeout: no answer within ${options.timeoutMs / 1000} s`
    return { why: limit.aborted ? late : whyAway(error) }
  }
}

async function follow(
  request: ChannelRequest,
  options: WireOptions,
  signal: AbortSignal,
): Promise<WireAnswer> {
  let url = new URL(request.url)
  for (let redirects = 0; ; redirects++) {
    const answer = await ask(url, request, options, signal)
    const next = redirects < maxRedirects ? nextUrl(answer, url, request.method) : undefined
    if (!next) return answer
    url = next
  }
}

function nextUrl(answer: WireAnswer, from: URL, method: string): URL | undefined {
  const location = answer.headers['location']
  if (!isRedirect(answer.status) || location === undefined) return undefined
  const next = redirectOf(answer.status, from, method, location)
  if ('refused' in next || next.method !== method || next.url.host !== from.host) return undefined
  return next.url
}

function ask(
  url: URL,
  { method, headers, body }: ChannelRequest,
  { ca, cert, key, servername }: WireOptions,
  signal: AbortSignal,
): Promise<WireAnswer> {
  const { request } = url.protocol === 'https:' ? https : http
  const length = { 'Content-Length': String(Buffer.byteLength(body)), 'User-Agent': 'mesoscope' }
  return new Promise((resolve, reject) => {
    let answered = false
    const sent = request(
      url,
      {
        method,
        headers: { ...length, ...headers },
        agent: false,
        signal,
        ca,
        cert,
        key,
        // Undefined would be a name here.
        ...(servername === undefined ? {} : { servername }),
      },
      (response) => {
        answered = true
        answerOf(response).then(resolve, reject)
      },
    )
    sent.on('error', (error) => {
      // That the rest of an answer did not come is told by what has come of it.
      if (!answered) reject(error)
    })
    sent.end(body)
  })
}

async function answerOf(response: IncomingMessage): Promise<WireAnswer> {
  const { statusCode: status = 0, headers } = response
  const { text, whole } = await beginning(response)
  const single = Object.entries(headers).map(([name, value]) => [name, String(value)])
  return { status, headers: Object.fromEntries(single) as Record<string, string>, text, whole }
}

/** Who answered with a status has answered, also if the rest breaks off. */
async function beginning(response: IncomingMessage): Promise<{ text: string; whole: boolean }> {
  const chunks: Buffer[] = []
  let size = 0
  let whole = true
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer)
      size += (chunk as Buffer).length
      whole = size <= maxBytes
      if (!whole) break
    }
  } catch {
    whole = false
  }
  response.destroy()
  return { text: Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8'), whole }
}
