import type { Clock } from '../pipeline/clock.ts'
import { Trouble } from '../pipeline/errors.ts'
import { notJsonTrouble, refusalTrouble } from '../pipeline/http-trouble.ts'
import { parseJson, type HttpClient, type HttpRequest } from '../pipeline/http.ts'
import { isObject, partsOf, type Problem } from './answer.ts'

/** A file of a sandbox, as `/files/browse` tells it. */
export interface RemoteFile {
  name: string
  size: number
  /** When it was written last, ms: Mesos tells whole seconds, this is the end of that second. */
  writtenMs: number
  isRegular: boolean
}

/** What an agent hands out of its sandboxes over HTTP. */
export interface AgentFiles {
  /** What is in a directory; undefined where it is not there (any more). Throws a Trouble. */
  browse(path: string): Promise<RemoteFile[] | undefined>
  /**
   * At most `length` bytes from `offset`; none at the end of the file, and also where the file is shorter than that: its
   * size tells. Undefined where it is not there. Throws a Trouble.
   */
  read(path: string, offset: number, length: number): Promise<Buffer | undefined>
  /** The agent's `/state`. Throws a Trouble. */
  state(): Promise<unknown>
  /** Of the whole agent: it does not answer, or not to us. */
  trouble(): Trouble | undefined
}

/** An agent reads sixteen pages for one request. */
export const mostBytes = 16 * 4096
/** Each byte may be written as `\u001b`. */
const ofBytes = { encoding: 'latin1', maxBytes: 8 * mostBytes } as const
const backOffMs = { first: 1_000, last: 30_000 }
/** Of these one path may be refused while others are not. */
const ofPath = new Set([400, 403, 404, 500])

/**
 * Asks an agent for files of sandboxes. After a failure that concerns the whole agent nothing is asked for a while, twice
 * as long each time and half a minute at most; what is called meanwhile throws the same Trouble at once.
 */
export function openAgentFiles(client: HttpClient, name: string, clock: Clock): AgentFiles {
  let failure: { trouble: Trouble; untilMs: number; waitMs: number } | undefined

  /** With `latin1`: the bytes of a file stand in the answer as they are, a character may be cut in two. */
  async function ask(path: string, request: HttpRequest = {}): Promise<unknown> {
    if (failure && clock.now() < failure.untilMs) throw failure.trouble
    const asked = { name, base: client.current(), method: 'GET', path: path.split('?', 1)[0] ?? '' }
    try {
      const answer = await client.request(path, request)
      const { status } = answer
      if (status < 200 || status > 299) {
        const isOfPath = path.startsWith('/files/') && ofPath.has(status)
        if (!isOfPath) throw refusalTrouble(asked, answer)
        failure = undefined
        if (status === 404) return undefined
        throw Object.assign(refusalTrouble(asked, answer), { isOfPath })
      }
      const value = parsed(
        () => parseJson(answer.text),
        (cause) => notJsonTrouble(asked, answer, cause),
      )
      failure = undefined
      return value
    } catch (error) {
      if (!(error instanceof Trouble) || !('isOfPath' in error)) fail(error)
      throw error
    }
  }

  function fail(error: unknown): void {
    const trouble =
      error instanceof Trouble ? error : new Trouble(`${name} failed`, { cause: error })
    const waitMs = Math.min(backOffMs.last, failure ? failure.waitMs * 2 : backOffMs.first)
    failure = { trouble, waitMs, untilMs: clock.now() + waitMs }
  }

  return {
    async browse(path) {
      const answer = await ask(`/files/browse?path=${encodeURIComponent(path)}`)
      return answer === undefined ? undefined : filesIn(answer)
    },
    async read(path, offset, length) {
      const query = `path=${encodeURIComponent(path)}&offset=${offset}&length=${length}`
      const answer = await ask(`/files/read?${query}`, ofBytes)
      if (answer === undefined) return undefined
      const data = isObject(answer) ? answer['data'] : undefined
      if (typeof data !== 'string') {
        throw new Trouble(`${name} answered /files/read without data`, {
          remedy: 'is this the address of a Mesos agent?',
          retryable: true,
        })
      }
      const bytes = bytesOf(data)
      // Old agents tell the size where the file is shorter.
      const told = isObject(answer) ? answer['offset'] : undefined
      return told === offset ? bytes.subarray(0, length) : Buffer.alloc(0)
    },
    async state() {
      return ask('/state')
    },
    trouble: () => failure?.trouble,
  }
}

function parsed<T>(parse: () => T, refuse: (cause: unknown) => Trouble): T {
  try {
    return parse()
  } catch (cause) {
    throw refuse(cause)
  }
}

function filesIn(answer: unknown): RemoteFile[] {
  const problems: Problem[] = []
  return partsOf(answer, problems).flatMap((part) => {
    const name = part.text('path')?.split('/').at(-1)
    const size = part.number('size')
    if (!name || size === undefined || size < 0) return []
    const writtenMs = Math.trunc(part.number('mtime') ?? 0) * 1000 + 999
    const isRegular = part.text('mode')?.startsWith('-') ?? true
    return [{ name, size, writtenMs, isRegular }]
  })
}

/** Of text whose characters are bytes; those that are none were escaped in the answer. */
function bytesOf(text: string): Buffer {
  if (!/[\u0100-\uffff]/.test(text)) return Buffer.from(text, 'latin1')
  const parts = text.split(/([\u0100-\uffff]+)/)
  return Buffer.concat(parts.map((part, n) => Buffer.from(part, n % 2 ? 'utf8' : 'latin1')))
}
