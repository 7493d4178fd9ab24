import { Client, errors } from '@elastic/elasticsearch'
import { Trouble } from '../errors.ts'

/** How Elasticsearch is reached. */
export interface ElasticsearchConnection {
  /** `https://es-1:9200`; several of one cluster are asked in turn. */
  urls: readonly string[]
  apiKey?: string
  username?: string
  password?: string
  /** PEM of the authority that signed the server's certificate. */
  ca?: string
  /** SHA-256 fingerprint of that authority, as Elasticsearch prints it at its first start; instead of `ca`. */
  caFingerprint?: string
  /** How long one request may take, ms; 60 s unless set. */
  requestTimeoutMs?: number
}

export interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD'
  path: string
  query?: Record<string, string | number | boolean>
  body?: object
  /** Instead of `body`: lines that are JSON already. */
  ndjson?: Buffer
  /** Answers of these statuses are no failure. */
  allow?: number[]
}

export interface Elasticsearch {
  /** Where it is, for messages. */
  place: string
  /** The parsed answer. Rejects with Trouble, whose cause tells the {@link failureOf}. */
  ask<Answer>(request: Request): Promise<Answer>
  close(): Promise<void>
}

/** The only place that knows the client library; it retries nothing by itself, since callers know what may be repeated. */
export function connect(options: ElasticsearchConnection): Elasticsearch {
  const client = new Client(toClientOptions(options))
  const place = options.urls.map(withoutLogin).join(', ')
  return {
    place,
    async ask<Answer>({ method, path, query, body, ndjson, allow = [] }: Request) {
      try {
        const answer = await client.transport.request<Answer>(
          {
            method,
            path,
            ...(query ? { querystring: query } : {}),
            ...(ndjson ? { bulkBody: ndjson } : body ? { body } : {}),
          },
          { ignore: allow, headers: headersOf(ndjson) },
        )
        return answer
      } catch (error) {
        throw toTrouble(error, place)
      }
    },
    close: () => client.close(),
  }
}

/** The client's own would be understood by servers of its version alone. */
function headersOf(ndjson: Buffer | undefined) {
  const type = ndjson ? 'application/x-ndjson' : 'application/json'
  return { 'content-type': type, accept: 'application/json' }
}

const defaultTimeoutMs = 60_000

function toClientOptions(
  options: ElasticsearchConnection,
): ConstructorParameters<typeof Client>[0] {
  const { urls, apiKey, username, password, ca, caFingerprint, requestTimeoutMs } = options
  return {
    nodes: [...urls],
    maxRetries: 0,
    requestTimeout: requestTimeoutMs ?? defaultTimeoutMs,
    ...(apiKey === undefined
      ? username === undefined
        ? {}
        : { auth: { username, password: password ?? '' } }
      : { auth: { apiKey } }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(caFingerprint === undefined ? {} : { caFingerprint }),
  }
}

function withoutLogin(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//')
}

/** What Elasticsearch answered, where it answered. */
export interface Failure {
  status: number
  type: string
  reason: string
}

export function failureOf(error: unknown): Failure | undefined {
  const cause = error instanceof Trouble ? error.cause : error
  if (cause instanceof Failed) return cause
  if (!(cause instanceof errors.ResponseError)) return undefined
  const told = (cause.body as { error?: unknown } | undefined)?.error
  const { type, reason } = rootOf(told)
  return { status: cause.statusCode ?? 0, type, reason }
}

/** The same of one document of a request. */
export class Failed extends Error implements Failure {
  readonly status: number
  readonly type: string
  readonly reason: string

  constructor({ status, type, reason }: Failure) {
    super(`${status} ${reason} (${type})`)
    this.status = status
    this.type = type
    this.reason = reason
  }
}

/** Of a search that failed on several shards the root cause says more than the whole. */
function rootOf(told: unknown): { type: string; reason: string } {
  if (typeof told === 'string') return { type: '', reason: told }
  const { type, reason, root_cause, caused_by } = (told ?? {}) as {
    type?: string
    reason?: string
    root_cause?: { type?: string; reason?: string }[]
    caused_by?: { reason?: string }
  }
  const root = root_cause?.[0]
  const deeper = caused_by?.reason && caused_by.reason !== reason ? `: ${caused_by.reason}` : ''
  return {
    type: root?.type ?? type ?? '',
    reason: `${root?.reason ?? reason ?? 'no reason given'}${deeper}`,
  }
}

const overloaded = new Set([429, 502, 503, 504])

function toTrouble(error: unknown, place: string): Trouble {
  if (error instanceof errors.ProductNotSupportedError) {
    return new Trouble(`${place} is not Elasticsearch`, {
      remedy:
        'Mesoscope needs Elasticsearch 8 or newer; OpenSearch and proxies that hide it are refused',
      cause: error,
    })
  }
  const failure = failureOf(error)
  if (!failure) return unreached(error, place)
  const { status, type, reason } = failure
  const said = `${reason}${type ? ` (${type})` : ''}`
  if (status === 401 || (status === 403 && type !== 'cluster_block_exception')) {
    return new Trouble(`Elasticsearch at ${place} does not let us in: ${said}`, {
      remedy: 'check the API key or the user and its privileges',
      cause: error,
    })
  }
  if (type === 'cluster_block_exception') return blocked(place, said, error)
  return new Trouble(`Elasticsearch at ${place} answered ${status}: ${said}`, {
    retryable: overloaded.has(status) || status >= 500,
    cause: error,
  })
}

export function blocked(where: string, reason: string, cause?: unknown): Trouble {
  return new Trouble(`Elasticsearch takes no writes for ${where}: ${reason}`, {
    remedy:
      'if its disk is full, make room: it lifts the block itself; a block that someone set has to be taken off (index.blocks)',
    retryable: true,
    cause,
  })
}

function unreached(error: unknown, place: string): Trouble {
  const told = (error as Error).message
  if (error instanceof errors.ConfigurationError) {
    return new Trouble(`cannot ask Elasticsearch at ${place}: ${told}`, { cause: error })
  }
  return new Trouble(`Elasticsearch at ${place} does not answer: ${told}`, {
    remedy: 'check that it runs, its address, and its certificate',
    retryable: true,
    cause: error,
  })
}
