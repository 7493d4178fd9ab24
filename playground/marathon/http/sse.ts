import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EventBus } from '../event-bus.ts'
import { events, type MarathonEvent } from '../events.ts'
import type { Clock } from '../../../pipeline/clock.ts'
import { sendHtmlError } from './html-error.ts'

/** `/v2/events` of the leading instance. */
export interface EventStreams {
  attach(request: IncomingMessage, response: ServerResponse): void
  count(): number
  /** This instance leads no more. */
  cut(): void
}

export interface EventStreamOptions {
  bus: EventBus
  clock: Clock
  /** 10 s in Marathon. */
  keepAliveMs: number
}

/** So many events wait for a consumer that does not read; one more, and it is cut off. */
export const mostOutstanding = 1024

/** Between the two halves of a keep-alive, so that they are two packets. */
const halfMs = 5

export function openEventStreams({ bus, clock, keepAliveMs }: EventStreamOptions): EventStreams {
  const open = new Set<ServerResponse>()

  function attach(request: IncomingMessage, response: ServerResponse): void {
    // Jetty compares the whole header; to anything else the URL has no GET.
    if (request.headers.accept !== 'text/event-stream') {
      return sendHtmlError(response, 405, 'HTTP method GET is not supported by this URL')
    }
    const query = new URLSearchParams(request.url?.split('?', 2)[1] ?? '')
    const types = new Set(query.getAll('event_type'))
    const address = request.socket.remoteAddress ?? '127.0.0.1'
    begin(response)
    open.add(response)
    const send = sender(response)
    const unsubscribe = bus.subscribe((event) => {
      if (types.size === 0 || types.has(event.eventType)) send(event)
    })
    const stopBeating = beat(response, keepAliveMs)
    bus.publish(events.streamAttached(clock.now(), address))
    response.on('close', () => {
      stopBeating()
      unsubscribe()
      open.delete(response)
      bus.publish(events.streamDetached(clock.now(), address))
    })
  }

  return {
    attach,
    count: () => open.size,
    cut: () => {
      for (const response of open) response.destroy()
    },
  }
}

/** No length and no chunks: it ends with the connection. */
function begin(response: ServerResponse): void {
  response.socket?.setNoDelay(true)
  response.removeHeader('transfer-encoding')
  response.writeHead(200, {
    'content-type': 'text/event-stream;charset=utf-8',
    connection: 'close',
  })
  response.flushHeaders()
}

export function frame(event: MarathonEvent): string {
  return `event: ${event.eventType}\r\ndata: ${JSON.stringify(event)}\r\n\r\n`
}

/** While the consumer does not read, events wait. */
function sender(response: ServerResponse): (event: MarathonEvent) => void {
  const outstanding: MarathonEvent[] = []
  let busy = false
  response.on('drain', () => {
    busy = false
    while (!busy) {
      const next = outstanding.shift()
      if (!next) return
      busy = !response.write(frame(next))
    }
  })
  return (event) => {
    if (!busy) busy = !response.write(frame(event))
    else if (outstanding.length >= mostOutstanding) response.destroy()
    else outstanding.push(event)
  }
}

/** An empty line now and then; its two characters are flushed one after the other. */
function beat(response: ServerResponse, everyMs: number): () => void {
  let half: NodeJS.Timeout | undefined
  const timer = setInterval(() => {
    if (response.writableNeedDrain) return
    response.write('\r')
    half = setTimeout(() => response.write('\n'), halfMs)
  }, everyMs)
  return () => {
    clearInterval(timer)
    clearTimeout(half)
  }
}
