import fetch, { type Response } from 'node-fetch'
import { errorCode, Trouble } from '../pipeline/errors.ts'
import { misuse, nothing } from './report.ts'

/** How to reach a running Mesoscope: what it left in its data directory. */
export interface Address {
  url: string
  token?: string
  pid?: number
}

/** Values that are undefined are left out; lists are repeated. */
export type Query = Record<string, string | number | readonly string[] | undefined>

export interface Api {
  address: Address
  get<T>(path: string, query?: Query): Promise<T>
  post<T>(path: string, body: unknown): Promise<T>
  delete(path: string): Promise<void>
  /** The parsed lines of an NDJSON answer, from the first on; empty lines are skipped. Throws when it breaks off. */
  stream(path: string, query: Query, signal: AbortSignal): Promise<AsyncGenerator<unknown, void>>
  /** The same of what is asked with a body. */
  postStream(path: string, body: unknown): Promise<AsyncGenerator<unknown, void>>
}

const answerMs = 30_000
const maxAnswerBytes = 256 * 1024 * 1024
const maxLineBytes = 32 * 1024 * 1024

/** Nobody answers at the address: the process has ended, or is just starting. */
export function isAway(error: unknown): boolean {
  return error instanceof Trouble && error.retryable
}

/** It answers, but has no such route, or nothing behind it: another role, or an older version. */
export function isWithout(error: unknown): boolean {
  const { status } = (error ?? {}) as { status?: unknown }
  return error instanceof Trouble && (status === 404 || status === 501)
}

export function openApi(address: Address): Api {
  const headers = {
    accept: 'application/json',
    ...(address.token !== undefined && { authorization: `Bearer ${address.token}` }),
  }
  const ask = async (path: string, query: Query, init: Parameters<typeof fetch>[1]) => {
    const url = `${address.url.replace(/\/$/, '')}${path}${queryText(query)}`
    const response = await reached(fetch(url, { headers, redirect: 'error', ...init }), address)
    if (!response.ok) throw await refused(response, address)
    return response
  }
  const json = async <T>(response: Response) => (await reached(response.json(), address)) as T
  const changing = { ...headers, 'x-mesoscope': '1' }
  const posted = (body: unknown) => ({
    method: 'POST',
    headers: { ...changing, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const limits = () => ({ size: maxAnswerBytes, signal: AbortSignal.timeout(answerMs) })
  return {
    address,
    get: async (path, query = {}) => json(await ask(path, query, limits())),
    post: async (path, body) => json(await ask(path, {}, { ...limits(), ...posted(body) })),
    delete: async (path) => {
      const response = await ask(path, {}, { ...limits(), method: 'DELETE', headers: changing })
      await reached(response.arrayBuffer(), address)
    },
    stream: async (path, query, signal) => {
      const response = await ask(path, query, { signal })
      return parsedLines(response, address)
    },
    postStream: async (path, body) => parsedLines(await ask(path, {}, posted(body)), address),
  }
}

function queryText(query: Query): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    for (const one of [value].flat()) params.append(name, String(one))
  }
  return params.size > 0 ? `?${params.toString()}` : ''
}

async function reached<T>(answer: Promise<T>, { url }: Address): Promise<T> {
  try {
    return await answer
  } catch (error) {
    const why = errorCode(error) ?? (error as Error).name
    throw new Trouble(`no answer from Mesoscope at ${url} (${why})`, {
      remedy:
        'start it with mesoscope run, or name its directory with --data, or its address with --url',
      retryable: true,
      cause: error,
    })
  }
}

interface ErrorBody {
  error?: unknown
  remedy?: unknown
  /** Of the routes that speak as Alertmanager does. */
  message?: unknown
}

/** What the server said, with the exit code that fits and its status. */
async function refused(response: Response, { url }: Address): Promise<Trouble> {
  const answer: unknown = await response.json().catch(() => null)
  const body: ErrorBody = typeof answer === 'string' ? { error: answer } : (answer ?? {})
  const told = [body.error, body.message].find((text) => typeof text === 'string' && text !== '')
  const said = typeof told === 'string' ? told : `${url} answers ${response.status}`
  const remedy = typeof body.remedy === 'string' ? body.remedy : undefined
  return Object.assign(refusal(response.status, said, remedy), { status: response.status })
}

function refusal(status: number, said: string, remedy: string | undefined): Trouble {
  if (status === 404) return nothing(said, remedy)
  if ([300, 400, 422].includes(status)) return misuse(said, remedy)
  return new Trouble(said, {
    ...(remedy !== undefined && { remedy }),
    retryable: status >= 500,
  })
}

async function* parsedLines(response: Response, address: Address) {
  if (!response.body) return
  const chunks = response.body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let rest: Buffer[] = []
  let waiting = 0
  for (;;) {
    const { done, value: chunk } = await reached(chunks.next(), address)
    if (done) return
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...rest, chunk.subarray(start, end)]).toString('utf8')
      rest = []
      waiting = 0
      start = end + 1
      if (line.trim() !== '') yield parsed(line, address)
    }
    rest.push(chunk.subarray(start))
    waiting += chunk.length - start
    if (waiting > maxLineBytes) throw new Trouble(`${address.url} sent a line without an end`)
  }
}

function parsed(line: string, { url }: Address): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new Trouble(`${url} sent something that is not JSON`, { cause: error })
  }
}
