import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../pipeline/clock.ts'
import { explain } from '../../pipeline/errors.ts'
import { serve, type Face } from '../misbehave.ts'
import { streamEvents } from './events.ts'
import { sendError, sendJson, sendText } from './go-http.ts'
import { info, versionInfo } from './info.ts'
import { inspect } from './inspect.ts'
import { listContainers } from './list.ts'
import { checkStreams, streamLogs } from './logs.ts'
import type { DockerContainer, DockerModel } from './model.ts'
import { Refusal } from './query.ts'
import { sendStats } from './stats.ts'

export interface DockerFaceOptions {
  /** It listens at its socket. */
  model: DockerModel
  clock: Clock
  /** How often containers are measured, ms; 1 s unless set, as with Docker. */
  statsMs?: number
}

/** What a request is about. */
interface Asked {
  query: URLSearchParams
  response: ServerResponse
}

type Handler = (asked: Asked, ...parts: string[]) => void | Promise<void>

/** The API of Docker Engine 20.10, as far as it is read. Rejects where it cannot listen. */
export function openDockerFace({ model, clock, statsMs = 1000 }: DockerFaceOptions): Promise<Face> {
  let listeners = 0

  function found(name: string): DockerContainer {
    const container = model.container(name)
    if (container) return container
    const ids = model.containers().filter(({ id }) => name !== '' && id.startsWith(name))
    if (ids.length < 2) throw new Refusal(404, `No such container: ${name}`)
    throw new Refusal(500, `Multiple IDs found with provided prefix: ${name}`)
  }

  function events({ query, response }: Asked): void {
    streamEvents(model, query, response, clock)
    listeners++
    response.on('close', () => listeners--)
  }

  const json = (tell: (asked: Asked, ...parts: string[]) => unknown): Handler => {
    return (asked, ...parts) => sendJson(asked.response, tell(asked, ...parts), { clock })
  }

  const handlers: [RegExp, Handler][] = [
    [/^\/_ping$/, ({ response }) => sendText(response, 'OK', { more: notCached, clock })],
    [/^\/version$/, json(versionInfo)],
    [/^\/info$/, json(() => info(model, clock.now(), listeners))],
    [/^\/events$/, events],
    [
      /^\/containers\/json$/,
      json(({ query }) => listContainers(model.containers(), query, clock.now())),
    ],
    [/^\/containers\/(.+)\/json$/, json((_, name = '') => inspect(found(name), model.root))],
    [
      /^\/containers\/(.+)\/logs$/,
      ({ query, response }, name = '') => {
        checkStreams(query)
        streamLogs(model, found(name), query, response, clock)
      },
    ],
    [
      /^\/containers\/(.+)\/stats$/,
      ({ query, response }, name = '') =>
        sendStats(found(name), query, response, { model, clock, everyMs: statsMs }),
    ],
  ]

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [target = '', search = ''] = (request.url ?? '').split(/\?(.*)/s)
    const path = withoutVersion(decodeURIComponent(target))
    const reads = request.method === 'GET' || (request.method === 'HEAD' && path === '/_ping')
    for (const [pattern, handler] of reads ? handlers : []) {
      const [whole, ...parts] = pattern.exec(path) ?? []
      if (whole === undefined) continue
      return handler({ query: new URLSearchParams(search), response }, ...parts)
    }
    throw new Refusal(404, 'page not found')
  }

  return serve(
    (request, response) => {
      request.resume()
      handle(request, response).catch((error: unknown) => refuse(response, error, clock))
    },
    { socket: model.socket },
  )
}

const notCached: [string, string][] = [
  ['Cache-Control', 'no-cache, no-store, must-revalidate'],
  ['Pragma', 'no-cache'],
]

function refuse(response: ServerResponse, error: unknown, clock: Clock): void {
  if (response.headersSent) return void response.destroy()
  const status = error instanceof Refusal ? error.status : 500
  sendError(response, status, explain(error), clock)
}

const newest = [1, 41] as const
const oldest = [1, 12] as const

/** Throws a {@link Refusal} for a version that is too new or too old. */
function withoutVersion(path: string): string {
  const [, major, minor, rest] = /^\/v(\d+)\.(\d+)(\/.*)$/.exec(path) ?? []
  if (rest === undefined) return path
  const asked = [Number(major), Number(minor)] as const
  const version = asked.join('.')
  if (isNewer(asked, newest)) {
    const most = `Maximum supported API version is ${newest.join('.')}`
    throw new Refusal(400, `client version ${version} is too new. ${most}`)
  }
  if (isNewer(oldest, asked)) {
    const least = `Minimum supported API version is ${oldest.join('.')}`
    const please = 'please upgrade your client to a newer version'
    throw new Refusal(400, `client version ${version} is too old. ${least}, ${please}`)
  }
  return rest
}

function isNewer(one: readonly [number, number], other: readonly [number, number]): boolean {
  return one[0] > other[0] || (one[0] === other[0] && one[1] > other[1])
}
