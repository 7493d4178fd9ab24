import { gunzipSync, inflateSync } from 'node:zlib'

/** An HTTP answer as it came over the wire. */
export interface Capture {
  status: number
  /** Names in small letters. */
  headers: Record<string, string>
  /** Without chunk framing, decompressed. */
  body: Buffer
  /** The last chunk, or the announced length, has not come: the capture ends within a stream. */
  cut: boolean
}

/** Undefined where it is no HTTP answer. */
export function readCapture(bytes: Buffer): Capture | undefined {
  const [, status] = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(bytes.toString('latin1', 0, 20)) ?? []
  if (status === undefined) return undefined
  const end = bytes.indexOf('\r\n\r\n')
  // `100 Continue` comes before the answer.
  if (status.startsWith('1') && end > 0) return readCapture(bytes.subarray(end + 4))
  const head = bytes.toString('latin1', 0, end < 0 ? bytes.length : end).replaceAll('\r', '')
  const headers = Object.fromEntries(
    head
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const at = line.indexOf(':')
        return at > 0 ? [[line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim()]] : []
      }),
  ) as Record<string, string>
  const rest = end < 0 ? bodyBehindPlainHead(bytes) : bytes.subarray(end + 4)
  const unframed = withoutFraming(headers, rest)
  const body = decompressed(unframed.body, headers['content-encoding'] ?? '')
  return { status: Number(status), headers, cut: unframed.cut, body }
}

function decompressed(body: Buffer, encoding: string): Buffer {
  if (body.length === 0) return body
  if (/gzip/i.test(encoding)) return gunzipSync(body)
  return /deflate/i.test(encoding) ? inflateSync(body) : body
}

function withoutFraming(headers: Record<string, string>, rest: Buffer) {
  if (!/chunked/i.test(headers['transfer-encoding'] ?? '')) {
    const length = Number(headers['content-length'] ?? rest.length)
    return { body: rest.subarray(0, length), cut: rest.length < length }
  }
  return withoutChunks(rest)
}

/** A capture that was saved with bare newlines. */
function bodyBehindPlainHead(bytes: Buffer): Buffer {
  const end = bytes.indexOf('\n\n')
  return end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 2)
}

function withoutChunks(bytes: Buffer): { body: Buffer; cut: boolean } {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf('\n', at)
    const size = Number.parseInt(bytes.toString('latin1', at, end < 0 ? bytes.length : end), 16)
    if (end < 0 || Number.isNaN(size)) break
    if (size === 0) return { body: Buffer.concat(chunks), cut: false }
    chunks.push(bytes.subarray(end + 1, end + 1 + size))
    at = end + 1 + size
    while (at < bytes.length && (bytes[at] === 0x0d || bytes[at] === 0x0a)) at++
  }
  return { body: Buffer.concat(chunks), cut: true }
}
