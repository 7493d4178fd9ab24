import { statSync } from 'node:fs'
import http from 'node:http'
import type { Readable } from 'node:stream'
import fetch, { type Response } from 'node-fetch'
import { errorCode, Trouble } from '../pipeline/errors.ts'
import { eventOf, listedIn, messageOf, rootOf } from './docker-answers.ts'
import { asObject } from './docker-identity.ts'

/** One container in the daemon's list. */
export interface Listed {
  id: string
  running: boolean
}

export interface DockerEvent {
  id: string
  /** `create`, `start`, `die`, `oom`, `destroy`, `rename`. */
  action: string
  /** ns since the epoch; 0 if the daemon did not say. */
  timeNs: bigint
  exitCode: string | undefined
  name: string | undefined
}

/** The log of a container as the daemon sends it, or why it does not. */
export type LogsAnswer = { body: Readable } | { refused: 'gone' | 'unreadable'; message: string }

/** Docker's HTTP API on a unix socket. Every call throws a retryable {@link Trouble} while the daemon is away. */
export interface DockerApi {
  /** The folder of the containers' own folders. */
  root(): Promise<string | undefined>
  list(): Promise<Listed[]>
  /** Undefined if there is no such container (any more). */
  inspect(id: string): Promise<Record<string, unknown> | undefined>
  /** What it uses; takes the daemon a second. Undefined if there is no such container (any more). */
  stats(id: string, signal: AbortSignal): Promise<unknown>
  /** `since`: seconds with a fraction; 0 for all. */
  logs(
    id: string,
    options: { since: string; follow: boolean; signal: AbortSignal },
  ): Promise<LogsAnswer>
  /** Resolves when the daemon ends the stream. A hint only: the daemon drops events for slow readers. */
  events(onEvent: (event: DockerEvent) => void, signal: AbortSignal): Promise<void>
}

const answerMs = 15_000
/** Of an answer that is read whole: the list of ten thousand containers is below 20 MB. */
const maxAnswerBytes = 64 * 2 ** 20
const eventKinds = ['create', 'start', 'die', 'oom', 'destroy', 'rename']

export function openDockerApi(socket: string): DockerApi {
  // The agent passes the path on to net.connect; its type does not say so.
  const agent = new http.Agent({ socketPath: socket } as http.AgentOptions)

  async function get(path: string, signal: AbortSignal, size = 0): Promise<Response> {
    try {
      return await fetch(`http://docker${path}`, { agent, signal, size })
    } catch (cause) {
      throw awayTrouble(socket, cause)
    }
  }

  async function json(path: string, signal?: AbortSignal): Promise<unknown> {
    const limit = AbortSignal.timeout(answerMs)
    const either = signal ? AbortSignal.any([limit, signal]) : limit
    const response = await get(path, either, maxAnswerBytes)
    const text = await readText(response)
    if (response.status === 404) return undefined
    if (!response.ok) throw refusal(socket, path, response.status, text)
    return parse(text, `${socket}: GET ${path}`)
  }

  async function readText(response: Response): Promise<string> {
    try {
      return await response.text()
    } catch (cause) {
      throw awayTrouble(socket, cause)
    }
  }

  return {
    async root() {
      return rootOf(await json('/info'))
    },
    async list() {
      const path = '/containers/json?all=1'
      const listed = listedIn(await json(path))
      // Taken for an empty list, it would say that all containers are gone.
      if (!listed) throw notDocker(`${socket}: GET ${path} did not answer with a list`)
      return listed
    },
    async inspect(id) {
      const answer = await json(`/containers/${encodeURIComponent(id)}/json`)
      return answer === undefined ? undefined : asObject(answer)
    },
    stats: (id, signal) =>
      json(`/containers/${encodeURIComponent(id)}/stats?stream=false&one-shot=true`, signal),
    async logs(id, { since, follow, signal }) {
      const query = `stdout=1&stderr=1&timestamps=1&since=${since}${follow ? '&follow=1' : ''}`
      const path = `/containers/${encodeURIComponent(id)}/logs?${query}`
      const response = await get(path, signal)
      if (response.ok && response.body) return { body: response.body as unknown as Readable }
      const text = await readText(response)
      const message = messageOf(text)
      if (response.status === 404) return { refused: 'gone', message }
      const cannot = response.status === 501 || /does not support reading/.test(message)
      if (cannot) return { refused: 'unreadable', message }
      throw refusal(socket, path, response.status, text)
    },
    async events(onEvent, signal) {
      const filters = encodeURIComponent(JSON.stringify({ type: ['container'], event: eventKinds }))
      const response = await get(`/events?filters=${filters}`, signal)
      if (!response.ok || !response.body) {
        throw refusal(socket, '/events', response.status, await readText(response))
      }
      await readEvents(response.body as unknown as Readable, onEvent, socket)
    },
  }
}

async function readEvents(body: Readable, onEvent: (event: DockerEvent) => void, socket: string) {
  let rest = ''
  try {
    for await (const chunk of body) {
      const lines = (rest + String(chunk)).split('\n')
      rest = (lines.pop() as string).slice(0, 1024 * 1024)
      for (const line of lines) {
        const event = line === '' ? undefined : eventOf(line)
        if (event) onEvent(event)
      }
    }
  } catch (cause) {
    throw awayTrouble(socket, cause)
  }
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw notDocker(`${what} did not answer with JSON`, cause)
  }
}

function notDocker(message: string, cause?: unknown): Trouble {
  const remedy = 'is this the socket of a Docker daemon? It is tried again'
  return new Trouble(message, { remedy, retryable: true, cause })
}

function refusal(socket: string, path: string, status: number, text: string): Trouble {
  return new Trouble(`Docker on ${socket} answered ${status} to ${path}: ${messageOf(text)}`, {
    remedy: 'look into the log of the Docker daemon; it is tried again',
    retryable: true,
  })
}

const remedies: Record<string, string> = {
  ENOENT: 'is Docker installed and running? Otherwise name its socket',
  ECONNREFUSED: 'start the Docker daemon',
  EACCES: 'run as root or as a member of the group docker',
  ENOTSOCK: 'this is no socket: name the one of the Docker daemon',
  timeout: 'it hangs, or is very busy: look into the log of the Docker daemon',
}

function awayTrouble(socket: string, cause: unknown): Trouble {
  const why = whyAway(socket, cause)
  const shown = why === 'timeout' ? `no answer within ${answerMs / 1000} s` : why
  return new Trouble(`Docker does not answer on ${socket} (${shown})`, {
    remedy: `${remedies[why] ?? 'is this the socket of a Docker daemon that runs?'}; it is tried again`,
    retryable: true,
    cause,
  })
}

function whyAway(socket: string, cause: unknown): string {
  if ((cause as { name?: unknown } | null)?.name === 'AbortError') return 'timeout'
  const code = errorCode(cause) ?? (cause as { cause?: { code?: string } } | null)?.cause?.code
  // What Linux says of a file that is no socket, too.
  if (code === 'ECONNREFUSED' && !isSocket(socket)) return 'ENOTSOCK'
  return code ?? (cause instanceof Error ? cause.message : String(cause))
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket()
  } catch {
    return true
  }
}
