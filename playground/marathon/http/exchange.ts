import type { IncomingMessage } from 'node:http'

/** A request as the routes see it. */
export interface Asked {
  method: string
  /** Decoded, with single slashes and none at the end: people write `/v2/apps//shop/web`. */
  path: string
  /** As it was sent. */
  uri: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: string
  clientIp: string
}

/** What is answered: an object as JSON, a text as it is. */
export interface Answer {
  status: number
  body?: unknown
  headers?: Record<string, string>
}

export function ok(body: unknown): Answer {
  return { status: 200, body }
}

/** Bodies beyond that are refused; Marathon's clients send a few KB. */
const mostBytes = 4 * 1024 * 1024

/** Rejects where the body is too long or the client goes away. */
export async function readAsked(request: IncomingMessage): Promise<Asked> {
  const uri = request.url ?? '/'
  const [path = '/', query = ''] = uri.split('?', 2)
  return {
    method: request.method ?? 'GET',
    path: cleanPath(path),
    uri: path,
    query: new URLSearchParams(query),
    headers: request.headers,
    body: await readBody(request),
    clientIp: request.socket.remoteAddress ?? '127.0.0.1',
  }
}

export function cleanPath(path: string): string {
  return `/${decode(path).split('/').filter(Boolean).join('/')}`
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostBytes) throw new RangeError(`a body of more than ${mostBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Does the client take this type? No header: anything. */
export function accepts(accept: string | undefined, type: string): boolean {
  if (accept === undefined || accept.trim() === '') return true
  const [family] = type.split('/')
  return accept
    .split(',')
    .map((part) => part.split(';')[0]?.trim().toLowerCase())
    .some((part) => part === type || part === `${family}/*` || part === '*/*' || part === '*')
}
