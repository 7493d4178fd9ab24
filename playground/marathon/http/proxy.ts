import { request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import { sendHtmlError } from './html-error.ts'

export interface ProxyOptions {
  /** `host:port` of this instance. */
  own: string
  leader: string
  /** `--leader_proxy_read_timeout_ms`: 10 s. */
  timeoutMs: number
}

/** Hands a request on to the leader and its answer back, as a standby does. */
export function proxy(
  request: IncomingMessage,
  response: ServerResponse,
  { own, leader, timeoutMs }: ProxyOptions,
): void {
  const via = `1.1 ${own}`
  if (request.headers['x-marathon-via'] === via) {
    return sendHtmlError(response, 502, 'Detected proxying loop.')
  }
  const [hostname, port] = leader.split(':')
  const { host: _, connection: __, ...headers } = request.headers
  const onward = ask(
    {
      hostname,
      port,
      method: request.method,
      path: request.url,
      agent: false,
      headers: { ...headers, 'X-Marathon-Via': via, 'X-Forwarded-For': forwardedFor(request) },
    },
    (answer) => {
      const { connection: ___, ...kept } = answer.headers
      response.writeHead(answer.statusCode ?? 502, { ...kept, 'X-Marathon-Via': via })
      answer.pipe(response)
    },
  )
  onward.setTimeout(timeoutMs, () => onward.destroy(new Error('no answer in time')))
  onward.on('error', () => {
    if (response.headersSent) response.destroy()
    else sendHtmlError(response, 502, 'Connection to leader refused.')
  })
  response.on('close', () => onward.destroy())
  request.pipe(onward)
}

function forwardedFor({ headers, socket }: IncomingMessage): string {
  const before = headers['x-forwarded-for']
  return [before, socket.remoteAddress].flat().filter(Boolean).join(',')
}
