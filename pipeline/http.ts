import type { Readable } from 'node:stream'
import { Trouble } from './errors.ts'
import { methodOf, openExchange, type Failure, type Got } from './http-exchange.ts'
import { awayTrouble, notJsonTrouble, refusalTrouble } from './http-trouble.ts'
import { parseJson } from './json.ts'

export { parseJson } from './json.ts'

/** How to reach a service of the cluster that may have several addresses (Marathon's or Mesos' masters). */
export interface HttpOptions {
  /** Tried in turn, the one that answered last first; with `http://` or `https://`, without a path at the end. */
  urls: readonly string[]
  auth?: HttpAuth | undefined
  /** PEM texts. */
  ca?: string | undefined
  cert?: string | undefined
  key?: string | undefined
  /** For a whole answer, ms; 10 s unless set. */
  timeoutMs?: number
  /** A longer answer is refused; 64 MiB unless set. */
  maxBytes?: number
  /** For sentences: `Marathon`, `the Mesos master`. */
  name: string
}

export type HttpAuth =
  | { kind: 'basic'; user: string; password: string }
  /** `Authorization: token=…` as DC/OS wants it, or `Bearer …`. */
  | { kind: 'token' | 'bearer'; token: string }

export interface HttpRequest {
  method?: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** Sent as JSON. */
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
  timeoutMs?: number
  maxBytes?: number
  /** How bytes become characters: UTF-8 unless set; with `latin1` each is one, whatever it is. */
  encoding?: 'latin1'
}

export interface HttpAnswer {
  status: number
  headers: Record<string, string>
  text: string
  /** Where it came from, after redirects. */
  url: string
}

export interface HttpClient {
  /** Any answer, also a refusal. Throws a retryable Trouble where nobody answers in time, or too much. */
  request(path: string, request?: HttpRequest): Promise<HttpAnswer>
  /** The parsed body of a 2xx answer. Throws a Trouble that names address, status and what it said instead, for HTML too. */
  json(path: string, request?: HttpRequest): Promise<unknown>
  /** The body as it comes, no time limit; throws as `json` does unless the status is 2xx. */
  stream(path: string, request: HttpRequest): Promise<{ body: Readable; url: string }>
  /** The address that is asked first. */
  current(): string
  close(): void
}

const usualTimeoutMs = 10_000

/**
 * One client for one service; connections are kept alive. A redirect is followed within the same time limit, the login
 * goes only to hosts in `urls`. An address that refuses, is too slow or answers 502 to 504 makes it ask the next one, once
 * around; a request that changes something is not repeated where the first may have acted already. Throws a Trouble if
 * an address, certificate or key cannot be used.
 */
export function openHttp(options: HttpOptions): HttpClient {
  const { name, timeoutMs = usualTimeoutMs } = options
  const bases = options.urls.map((url) => baseOf(name, url))
  const hosts = bases.map((base) => new URL(base).host)
  const exchange = openExchange(options, hosts)
  let first = 0

  async function ask(path: string, request: HttpRequest, streams: boolean): Promise<Got> {
    const failures: (Failure & { base: string })[] = []
    let refused: Got | undefined
    const start = first
    for (let i = 0; i < bases.length; i++) {
      const index = (start + i) % bases.length
      const base = bases[index] as string
      const limitMs = request.timeoutMs ?? timeoutMs
      const result = await exchange.ask({ base, path, request, streams, limitMs })
      if ('why' in result) failures.push({ base, ...result })
      else if ('answer' in result && isUnavailable(result.answer.status)) refused = result
      else {
        first = indexOf(result) ?? index
        return result
      }
      if (mayHaveActed(request, streams, result)) break
    }
    // The next request shall not begin with the one that failed.
    if (first === start) first = (start + 1) % bases.length
    if (refused) return refused
    throw awayTrouble({ name, method: methodOf(request), path }, failures)
  }

  /** Who led on to the leader need not be asked again. */
  function indexOf(got: Got): number | undefined {
    const index = hosts.indexOf(new URL('answer' in got ? got.answer.url : got.url).host)
    return index < 0 ? undefined : index
  }

  async function answered(path: string, request: HttpRequest = {}) {
    const result = await ask(path, request, false)
    if (!('answer' in result)) throw new TypeError('no stream was asked for')
    return result
  }

  return {
    request: async (path, request) => (await answered(path, request)).answer,
    async json(path, request) {
      const { answer, asked } = await answered(path, request)
      if (answer.status < 200 || answer.status > 299) throw refusalTrouble(asked, answer)
      try {
        return parseJson(answer.text)
      } catch (cause) {
        throw notJsonTrouble(asked, answer, cause)
      }
    },
    async stream(path, request) {
      const result = await ask(path, request, true)
      if ('body' in result) return result
      throw refusalTrouble(result.asked, result.answer)
    },
    current: () => bases[first] as string,
    close: exchange.close,
  }
}

const isUnavailable = (status: number) => status >= 502 && status <= 504

/** Then it is not given to another address. */
function mayHaveActed(request: HttpRequest, streams: boolean, result: Got | Failure): boolean {
  if (streams || methodOf(request) === 'GET') return false
  if ('why' in result) return result.why !== 'ECONNREFUSED'
  if (!('answer' in result)) return false
  const { status, text } = result.answer
  // Marathon says 503 also when it went on with it, but not in time.
  return status === 504 || (status === 503 && /\btimed? ?out\b/i.test(text))
}

function baseOf(name: string, text: string): string {
  const url = URL.parse(text)
  // The address itself may hold a password: it is not shown.
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new Trouble(`an address of ${name} does not begin with http:// or https://`)
  }
  if (url.username || url.password) {
    throw new Trouble(`the address of ${name} at ${url.host} holds a login`, {
      remedy: 'set user and password beside it instead',
    })
  }
  return url.origin + url.pathname.replace(/\/+$/, '')
}
