import { connect, type NetConnectOpts } from 'node:net'

/** An answer as the bytes were. */
export interface RawAnswer {
  /** `HTTP/1.1 200 OK` */
  statusLine: string
  status: number
  /** As they came: `Date: …`. */
  headerLines: string[]
  /** By name in lower case. */
  headers: Record<string, string>
  /** With the framing of chunks, if there is one. */
  raw: Buffer
  /** Without it. */
  body: Buffer
  text: string
}

/** Where a server listens: `http://127.0.0.1:5050`, or `unix:/path`. */
export function addressOf(url: string): NetConnectOpts {
  if (url.startsWith('unix:')) return { path: url.slice('unix:'.length) }
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port) }
}

export interface RawRequest {
  method?: string
  headers?: Record<string, string>
  body?: string | Buffer
  /** Reads until this is true of all bytes, then hangs up; unless set, until the answer is whole. */
  until?(received: Buffer): boolean
}

/** Asks without any HTTP client between. Rejects where nobody listens or the connection is cut before an answer. */
export async function rawHttp(
  url: string,
  target: string,
  { method = 'GET', headers = {}, body = '', until }: RawRequest = {},
): Promise<RawAnswer> {
  const socket = connect(addressOf(url))
  const length = Buffer.byteLength(body)
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'Host: test',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(method === 'GET' ? [] : [`Content-Length: ${length}`]),
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  socket.write(body)
  const chunks: Buffer[] = []
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer)
    const received = Buffer.concat(chunks)
    if (until ? until(received) : isWhole(received)) break
  }
  socket.destroy()
  return parse(Buffer.concat(chunks))
}

const blank = Buffer.from('\r\n\r\n')

function isWhole(received: Buffer): boolean {
  const end = received.indexOf(blank)
  if (end < 0) return false
  const { headers, raw } = parse(received)
  if (headers['transfer-encoding'] === 'chunked') return raw.subarray(-5).equals(lastChunk)
  return raw.length >= Number(headers['content-length'] ?? 0)
}

const lastChunk = Buffer.from('0\r\n\r\n')

function parse(received: Buffer): RawAnswer {
  const end = received.indexOf(blank)
  if (end < 0) throw new Error(`no whole head: ${received.toString('latin1')}`)
  const [statusLine = '', ...headerLines] = received.subarray(0, end).toString().split('\r\n')
  const headers = Object.fromEntries(
    headerLines.map((line) => {
      const [name = '', value = ''] = line.split(/: (.*)/s)
      return [name.toLowerCase(), value]
    }),
  )
  const raw = received.subarray(end + blank.length)
  const chunked = headers['transfer-encoding'] === 'chunked'
  const body = chunked ? Buffer.concat(chunksOf(raw)) : raw
  const status = Number(statusLine.split(' ')[1])
  return { statusLine, status, headerLines, headers, raw, body, text: body.toString() }
}

/** The whole chunks of a body, each as it was sent; the empty one at the end is left out. */
export function chunksOf(raw: Buffer): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const line = raw.indexOf('\r\n', at)
    if (line < 0) return chunks
    const size = Number.parseInt(raw.toString('latin1', at, line), 16)
    const from = line + 2
    if (!(size > 0) || from + size + 2 > raw.length) return chunks
    chunks.push(raw.subarray(from, from + size))
    at = from + size + 2
  }
}
