import { pause } from '../clock.ts'
import { isRetryable, Trouble } from '../errors.ts'
import { openGate } from '../gate.ts'
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
  /** How long a busy Elasticsearch is asked again before the caller hears of it, ms; 20 s unless set. */
  patienceMs?: number
}

export interface Bulk {
  /**
   * Writes to one index. Each text is an action line and a document line, both with their newlines; outcomes come in the
   * same order. Rejects with Trouble where any of them may be missing.
   */
  write(index: string, texts: readonly string[], encoding: 'latin1' | 'utf8'): Promise<Outcome[]>
}

/** More requests at once gained nothing when measured; fewer leave Elasticsearch idle between them. */
const maxInFlight = 2
const maxBytes = 10 * 2 ** 20
const fewestDocs = 250
const firstPauseMs = 100
const longestPauseMs = 3000

export function openBulk(
  es: Elasticsearch,
  { maxDocs = 4000, patienceMs = 20_000 }: BulkOptions = {},
): Bulk {
  const gate = openGate(maxInFlight)
  const pace = openPace(maxDocs)

  async function write(index: string, texts: readonly string[], encoding: 'latin1' | 'utf8') {
    const outcomes: Outcome[] = Array.from({ length: texts.length })
    let next = 0
    const lane = async () => {
      while (next < texts.length) {
        const from = next
        next = endOfRequest(texts, from, pace.docs())
        const positions = Array.from({ length: next - from }, (_, i) => from + i)
        await send({ index, texts, encoding, outcomes }, positions)
      }
    }
    const lanes = await Promise.allSettled(Array.from({ length: maxInFlight }, lane))
    const failed = lanes.find(({ status }) => status === 'rejected')
    if (failed) throw (failed as PromiseRejectedResult).reason
    return outcomes
  }

  /** Until each of them has an outcome. */
  async function send(work: Work, positions: number[]): Promise<void> {
    const deadline = performance.now() + patienceMs
    let waiting = positions
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const { again, trouble } = await gate(() => sendOnce(es, work, waiting))
      if (!trouble) {
        pace.wentWell()
        return
      }
      pace.wasTooMuch()
      if (again.length > 1 && failureOf(trouble)?.status === 413) return halves(work, again)
      if (!isTemporary(trouble) || performance.now() + pauseMs > deadline) throw trouble
      waiting = again
      await pause(pauseMs)
    }
  }

  async function halves(work: Work, positions: number[]): Promise<void> {
    const middle = positions.length >> 1
    await send(work, positions.slice(0, middle))
    await send(work, positions.slice(middle))
  }

  return { write }
}

interface Work {
  index: string
  texts: readonly string[]
  encoding: 'latin1' | 'utf8'
  outcomes: Outcome[]
}

function endOfRequest(texts: readonly string[], from: number, maxDocs: number): number {
  let bytes = 0
  let end = from
  while (end < texts.length && end - from < maxDocs) {
    bytes += (texts[end] as string).length
    if (bytes > maxBytes && end > from) break
    end++
  }
  return end
}

/** A document that is not in the store yet, and why. */
interface Left {
  again: number[]
  trouble?: Trouble
}

interface Answer {
  errors: boolean
  items: Record<string, { status: number; error?: { type: string; reason: string } }>[]
}

async function sendOnce(es: Elasticsearch, work: Work, positions: number[]): Promise<Left> {
  const { index, texts, encoding, outcomes } = work
  const text = positions.map((position) => texts[position] as string).join('')
  const request = {
    method: 'POST' as const,
    path: `/${index}/_bulk`,
    query: { filter_path: 'errors,items.*.status,items.*.error' },
    ndjson: Buffer.from(text, encoding),
  }
  let answer: Answer
  try {
    answer = await es.ask<Answer>(request)
  } catch (error) {
    if (!(error instanceof Trouble)) throw error
    return { again: positions, trouble: error }
  }
  const left: Left = { again: [] }
  for (const [i, position] of positions.entries()) {
    const item = answer.errors ? Object.values(answer.items[i] ?? {})[0] : { status: 201 }
    const outcome = outcomeOf(item, index)
    if (outcome instanceof Trouble) {
      left.again.push(position)
      // One that lasts matters more than one that passes.
      if (!left.trouble || isTemporary(left.trouble)) left.trouble = outcome
    } else outcomes[position] = outcome
  }
  return left
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
  if (status !== 400) return false
  return (
    type !== 'index_closed_exception' && type !== 'validation_exception' && !/shards/.test(reason)
  )
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
