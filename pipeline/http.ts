import type { Readable } from 'node:stream'

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
