import type { RequestListener } from 'node:http'
import { serve, type Face } from '../../misbehave.ts'
import type { Core } from '../core.ts'
import type { Context } from './context.ts'
import { sendHtmlError } from './html-error.ts'
import { handleInstance } from './instance.ts'
import { openLeadership, type Leadership } from './leadership.ts'
import { openEventStreams, type EventStreams } from './sse.ts'

export interface FacesOptions {
  /** Where the instances listen on 127.0.0.1, 0: anywhere. Two unless set. */
  ports?: readonly number[]
  /** Of event streams; 10 s unless set, as in Marathon. */
  keepAliveMs?: number
  /** How long a request waits for a leader while there is none; 2.5 s unless set. */
  leaderWaitMs?: number
  /** How long a standby waits for the leader's answer; 10 s unless set. */
  proxyTimeoutMs?: number
}

/** The instances of one Marathon: they share what it knows, and one of them leads. */
export interface Faces {
  faces: Face[]
  leadership: Leadership
  close(): Promise<void>
}

/** The first one leads. Rejects where a port is taken. */
export async function openFaces(core: Core, options: FacesOptions): Promise<Faces> {
  const { ports = [0, 0], keepAliveMs = 10_000 } = options
  const { leaderWaitMs = 2500, proxyTimeoutMs = 10_000 } = options
  const { clock, events: bus } = core.state
  const handlers: RequestListener[] = []
  const faces = await listen(ports, handlers)
  const addresses = faces.map(({ url }) => url.replace('http://', ''))
  const leadership = openLeadership(clock, addresses)
  const streams = addresses.map((address): EventStreams => {
    const own = openEventStreams({ bus, clock, keepAliveMs })
    const context: Context = {
      core,
      state: core.state,
      leadership,
      address,
      startedAt: clock.now(),
      eventStreams: own.count,
    }
    handlers.push(handleInstance({ context, streams: own, leaderWaitMs, proxyTimeoutMs }))
    return own
  })

  leadership.onChange((leads) => {
    if (leads) return core.resume()
    core.pause()
    for (const each of streams) each.cut()
  })

  return {
    faces,
    leadership,
    close: async () => void (await Promise.all(faces.map((face) => face.close()))),
  }
}

const notYet: RequestListener = (_, response) => sendHtmlError(response, 503, 'Starting')

/** Their addresses have to be known before they can be told who leads. */
async function listen(ports: readonly number[], handlers: RequestListener[]): Promise<Face[]> {
  const opened = await Promise.allSettled(
    ports.map((port, index) =>
      serve((request, response) => (handlers[index] ?? notYet)(request, response), { port }),
    ),
  )
  const faces = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = opened.find((one) => one.status === 'rejected')
  if (!failed) return faces
  await Promise.all(faces.map((face) => face.close()))
  throw failed.reason
}
