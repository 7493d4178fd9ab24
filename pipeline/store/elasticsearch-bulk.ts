import { pause } from '../clock.ts'
import { isRetryable, Trouble } from '../errors.ts'
import { openGate } from '../gate.ts'
import { openBodies, singlesOf, type Bodies, type Piece } from './elasticsearch-pieces.ts'
import {
  blocked,
  Failed,
  failureOf,
  type Elasticsearch,
  type Failure,
} from './elasticsearch-client.ts'

/** What became of one document: there now, there already (`create` alone), or never possible, with the reason. */
export type Outcome = 'stored' | 'duplicate' | { refused: string }

export interface BulkOptions {
  /** Most documents of one request; 4,000 unless set. Under load it is less. */
  maxDocs?: number
  /** Requests under way at once; 3 unless set. */
  inFlight?: number
  /** How long a busy Elasticsearch is asked again before the caller hears of it, ms; 20 s unless set. */
  patienceMs?: number
}

export interface BulkRequest {
  index: string
  pieces: Piece[]
  /** Told once each document has its outcome; in their order. */
  settle(outcomes: Outcome[]): void
}

export interface Bulk {
  /** How large a request may be just now. */
  room(): { docs: number; bytes: number }
  /**
   * Sends requests as there is room for them: the next one is made while others are under way. Rejects with Trouble where
   * any document may be missing; requests that are under way are waited for.
   */
  run(requests: Generator<BulkRequest>): Promise<void>
}

/** A bare client needs two to keep Elasticsearch busy; the third hides the time that we take between them. */
const defaultInFlight = 3
const maxBytes = 10 * 2 ** 20
const fewestDocs = 250
const firstPauseMs = 100
const longestPauseMs = 3000

export function openBulk(
  es: Elasticsearch,
  { maxDocs = 4000, inFlight = defaultInFlight, patienceMs = 20_000 }: BulkOptions = {},
): Bulk {
  const gate = openGate(inFlight)
  const pace = openPace(maxDocs)
  const bodies = openBodies()

  async function run(requests: Generator<BulkRequest>): Promise<void> {
    const lane = async () => {
      // A lane that fails ends the generator, and so the other lane.
      for (const { index, pieces, settle } of requests) settle(await send(index, pieces))
    }
    // One more than may be under way: it has the next request ready.
    const lanes = await Promise.allSettled(Array.from({ length: inFlight + 1 }, lane))
    const failed = lanes.find(({ status }) => status === 'rejected')
    if (failed) throw (failed as PromiseRejectedResult).reason
  }

  /** Until each document has an outcome. */
  async function send(index: string, pieces: readonly Piece[]): Promise<Outcome[]> {
    const deadline = performance.now() + patienceMs
    const outcomes: Outcome[] = []
    let docs = pieces
    /** Of what is sent, its place among all; undefined while all is sent. */
    let places: number[] | undefined
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const { found, trouble } = await gate(() => sendOnce(es, bodies, index, docs))
      const again: number[] = []
      for (const [i, outcome] of found.entries()) {
        if (outcome === undefined) again.push(i)
        else outcomes[places ? (places[i] as number) : i] = outcome
      }
      if (!trouble) {
        pace.wentWell()
        return outcomes
      }
      pace.wasTooMuch()
      const singles = singlesOf(docs)
      docs = again.map((i) => singles[i] as Piece)
      places = again.map((i) => (places ? (places[i] as number) : i))
      if (isAboutContent(trouble)) {
        for (const [i, outcome] of (await halves(index, docs, trouble)).entries()) {
          outcomes[places[i] as number] = outcome
        }
        return outcomes
      }
      if (!isTemporary(trouble) || performance.now() + pauseMs > deadline) throw trouble
      await pause(pauseMs)
    }
  }

  /** So that one document holds no others up. */
  async function halves(
    index: string,
    docs: readonly Piece[],
    trouble: Trouble,
  ): Promise<Outcome[]> {
    if (docs.length <= 1) return docs.map(() => ({ refused: trouble.message }))
    const middle = docs.length >> 1
    const first = await send(index, docs.slice(0, middle))
    return [...first, ...(await send(index, docs.slice(middle)))]
  }

  return { run, room: () => ({ docs: pace.docs(), bytes: maxBytes }) }
}

/** Writes documents to one index; outcomes come in their order. */
export async function writeAll(
  bulk: Bulk,
  index: string,
  pieces: readonly Piece[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  await bulk.run(
    (function* () {
      for (let from = 0; from < pieces.length;) {
        const { docs, bytes } = bulk.room()
        const start = from
        for (let size = 0; from < pieces.length && from - start < docs; from++) {
          size += (pieces[from] as Piece).bytes.length
          if (size > bytes && from > start) break
        }
        const settle = (found: Outcome[]) => {
          for (const [i, outcome] of found.entries()) outcomes[start + i] = outcome
        }
        yield { index, pieces: pieces.slice(start, from), settle }
      }
    })(),
  )
  return outcomes
}

interface Answer {
  errors: boolean
  items: Record<string, { status: number; error?: { type: string; reason: string } }>[]
}

/** The outcome of each document; undefined of those that are not in the store yet, and why. */
async function sendOnce(
  es: Elasticsearch,
  bodies: Bodies,
  index: string,
  pieces: readonly Piece[],
): Promise<{ found: (Outcome | undefined)[]; trouble?: Trouble }> {
  const count = pieces.reduce((sum, { ends }) => sum + ends.length, 0)
  const body = bodies.take(pieces)
  let answer: Answer
  try {
    answer = await es.ask<Answer>({
      method: 'POST',
      path: `/${index}/_bulk`,
      query: { filter_path: 'errors,items.*.status,items.*.error' },
      ndjson: body.bytes,
    })
  } catch (error) {
    if (!(error instanceof Trouble)) throw error
    return { found: Array.from({ length: count }), trouble: error }
  }
  body.giveBack()
  if (!answer.errors) return { found: Array.from({ length: count }, () => 'stored' as const) }
  let trouble: Trouble | undefined
  const found = Array.from({ length: count }, (_, i) => {
    const outcome = outcomeOf(Object.values(answer.items[i] ?? {})[0], index)
    if (!(outcome instanceof Trouble)) return outcome
    // One that lasts matters more than one that passes.
    if (!trouble || isTemporary(trouble)) trouble = outcome
    return undefined
  })
  return trouble ? { found, trouble } : { found }
}

function outcomeOf(
  item: { status: number; error?: { type: string; reason: string } } | undefined,
  index: string,
): Outcome | Trouble {
  if (!item)
    return new Trouble(`Elasticsearch's answer for ${index} is incomplete`, { retryable: true })
  const { status, error } = item
  if (!error) return 'stored'
  if (status === 409) return 'duplicate'
  const failure: Failure = { status, type: error.type, reason: reasonOf(error) }
  return isRefusal(failure)
    ? { refused: `${failure.reason} (${failure.type})` }
    : troubleOf(failure, index)
}

/** The reason that a person can use often stands in the innermost cause. */
function reasonOf(error: { reason: string; caused_by?: { reason?: string } }): string {
  const deeper = error.caused_by?.reason
  return deeper && deeper !== error.reason ? `${error.reason}: ${deeper}` : error.reason
}

/** About the document itself; what is about the index or the cluster (closed, too many shards) comes as 400 too. */
function isRefusal({ status, type, reason }: Failure): boolean {
  if (status !== 400 || type === 'index_closed_exception') return false
  // Documents' own words stand in the reasons of other exceptions.
  return type !== 'validation_exception' && !/^(?:Validation Failed|this action would)/.test(reason)
}

/** A whole request that is too large, or that a document in it makes unreadable. */
function isAboutContent(trouble: Trouble): boolean {
  const failure = failureOf(trouble)
  return failure !== undefined && (failure.status === 413 || isRefusal(failure))
}

function troubleOf(failure: Failure, index: string): Trouble {
  const cause = new Failed(failure)
  if (failure.type === 'cluster_block_exception') return blocked(index, failure.reason, cause)
  return new Trouble(`Elasticsearch did not store in ${index}: ${cause.message}`, {
    retryable: true,
    cause,
  })
}

/** Worth asking again within this call: it is busy, or just away. A full disk or a block is for the caller to tell. */
function isTemporary(trouble: Trouble): boolean {
  if (!isRetryable(trouble)) return false
  const failure = failureOf(trouble)
  if (!failure) return true
  const { status, type } = failure
  return (status === 429 || status >= 500) && type !== 'cluster_block_exception'
}

/** Fewer documents a request after each that was too much, slowly more after those that went well. */
function openPace(maxDocs: number) {
  let docs = maxDocs
  return {
    docs: () => Math.round(docs),
    wentWell: () => {
      docs = Math.min(maxDocs, docs * 1.1)
    },
    wasTooMuch: () => {
      docs = Math.max(Math.min(fewestDocs, maxDocs), docs / 2)
    },
  }
}
