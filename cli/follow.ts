import { pause } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { isoToMs, type LogDoc } from '../pipeline/event.ts'
import type { LogPage, LogQuery } from '../pipeline/store/store.ts'
import { isAway, type Api } from './api.ts'
import { harmless } from './harmless.ts'
import type { Io } from './parts.ts'
import { isLogDoc, searchApi, searchParams } from './source.ts'

export interface FollowOptions {
  /** Finds the process, anew for each connection: it may come back with another port or token. */
  findApi: () => Api | undefined
  query: LogQuery
  /** Prints the lines to start with; asked once the first stream is open, so that nothing falls in between. */
  firstLines: (api: Api) => Promise<LogDoc[]>
  print: (doc: LogDoc) => void
  io: Io
  signal: AbortSignal
  /** Longest pause between attempts to connect, ms. */
  maxPauseMs?: number
  /** When to look, after the stream was opened, for lines that were on their way to the store just then, ms. */
  lookAgainMs?: readonly number[]
}

/** Lines of several containers, and late ones, come a little out of order: so far back a new start looks. */
const overlapMs = 10_000
const rememberedIds = 20_000

/** Prints lines as they come, each once, until the signal aborts, also over restarts of the process. */
export async function follow(options: FollowOptions): Promise<void> {
  const { io, signal, findApi, maxPauseMs = 5000 } = options
  const seen = openSeen()
  let wait = 100
  let told = false
  const connected = () => {
    if (told) io.err('mesoscope: connected again\n')
    wait = 100
    told = false
  }
  while (!signal.aborted) {
    const api = findApi()
    const trouble = api ? await followOnce(options, api, seen, connected) : 'no process is running'
    if (signal.aborted) return
    if (!told) io.err(`mesoscope: ${harmless(trouble)}; waiting for it to come back\n`)
    told = true
    await pause(wait, signal)
    wait = Math.min(wait * 2, maxPauseMs)
  }
}

type Seen = ReturnType<typeof openSeen>

/** One connection: why it ended. Throws what trying again cannot mend. */
async function followOnce(
  options: FollowOptions,
  api: Api,
  seen: Seen,
  connected: () => void,
): Promise<string> {
  const { query, print, signal } = options
  const ended = new AbortController()
  const stop = AbortSignal.any([signal, ended.signal])
  const fresh = (docs: LogDoc[]) => docs.filter((doc) => seen.add(doc)).forEach(print)
  const catchUp = async () => fresh(await missedLines(api, query, seen))
  let looking: Promise<void> | undefined
  try {
    // The stream is open before the page is read; what comes meanwhile waits in it.
    const lines = await api.stream('/api/tail', searchParams(query), stop)
    if (seen.started()) await catchUp()
    else {
      const first = await options.firstLines(api)
      seen.start(first[0])
      fresh(first)
    }
    connected()
    looking = lookAgain(catchUp, options.lookAgainMs ?? [1000, 4000, 10_000], stop)
    for await (const line of lines) {
      if (isLogDoc(line)) fresh([line])
      else if (isDropped(line)) await catchUp()
    }
    return `${api.address.url} ended the stream`
  } catch (error) {
    if (signal.aborted || isAway(error)) return explain(error)
    throw error
  } finally {
    ended.abort()
    await looking
  }
}

/** A line the stream began behind may not have been stored when the page was read. */
async function lookAgain(
  catchUp: () => Promise<void>,
  afterMs: readonly number[],
  stop: AbortSignal,
): Promise<void> {
  let passed = 0
  for (const after of afterMs) {
    await pause(after - passed, stop)
    passed = after
    if (stop.aborted) return
    // If the process went away, the stream says so too.
    await catchUp().catch(() => {})
  }
}

function isDropped(line: unknown): boolean {
  return typeof (line as { dropped?: unknown } | null)?.dropped === 'number'
}

/** Everything since shortly before the newest line that was seen, oldest first. */
async function missedLines(api: Api, query: LogQuery, seen: Seen): Promise<LogDoc[]> {
  const docs: LogDoc[] = []
  const search = (q: LogQuery) => searchApi(api, q)
  const from = Math.max(0, (seen.newestMs() ?? 0) - overlapMs)
  for await (const page of pages(search, { ...query, from, order: 'asc' })) {
    docs.push(...page.filter((doc) => seen.isWanted(doc)))
  }
  return docs
}

/** All pages of a query. */
export async function* pages(
  search: (query: LogQuery) => Promise<LogPage>,
  query: LogQuery,
): AsyncGenerator<LogDoc[]> {
  let cursor: string | undefined
  do {
    const page = await search({ limit: 1000, ...query, ...(cursor !== undefined && { cursor }) })
    yield page.hits
    cursor = page.next
  } while (cursor !== undefined)
}

/** Which lines were printed: by id, as far back as a new start looks. */
function openSeen() {
  const times = new Map<string, number>()
  let newest: number | undefined
  let started = false
  let first = ''
  let pruneAt = rememberedIds
  const prune = () => {
    for (const [id, ms] of times) if (ms < (newest ?? 0) - 2 * overlapMs) times.delete(id)
    pruneAt = Math.max(rememberedIds, times.size * 2)
  }
  return {
    /** False if it was there already. */
    add(doc: LogDoc): boolean {
      const id = doc['event.id']
      if (times.has(id)) return false
      const ms = isoToMs(doc['@timestamp'])
      times.set(id, ms)
      if (ms > (newest ?? 0)) newest = ms
      if (times.size > pruneAt) prune()
      return true
    },
    newestMs: () => newest,
    started: () => started,
    /** Following begins with this line: older ones were not asked for. */
    start: (line: LogDoc | undefined) => {
      started = true
      first = line?.['@timestamp'] ?? ''
    },
    isWanted: (doc: LogDoc) => doc['@timestamp'] >= first,
  }
}
