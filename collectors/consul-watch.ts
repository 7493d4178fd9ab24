import { pause } from '../pipeline/clock.ts'
import { explain, Trouble } from '../pipeline/errors.ts'
import { refusalTrouble } from '../pipeline/http-trouble.ts'
import { parseJson, type HttpAnswer, type HttpClient } from '../pipeline/http.ts'

export interface ConsulWatchOptions {
  client: HttpClient
  /** `/v1/catalog/services` … */
  path: string
  signal: AbortSignal
  /** Told of each answer that differs from the one before. */
  onAnswer(value: unknown, answer: HttpAnswer): Promise<void>
  /** Undefined when it goes again. */
  onTrouble(trouble: string | undefined): void
  /** How long Consul may hold an answer back, s; 60 unless set. */
  waitSeconds?: number
  /** From one question to the next, ms; a second unless set. */
  leastMs?: number
}

const firstRetryMs = 1000
const lastRetryMs = 30_000
/** Where answers have no index nothing is held back. */
const pollMs = 10_000

/**
 * Asks again and again, each time for what is newer than the last answer (a blocking query). An answer need not tell
 * anything new: its index moves with things that were not asked for, and it comes when the wait is over. An index that
 * goes back means that Consul was restored: it begins at 0. Ends when `signal` aborts; never rejects.
 */
export async function watchConsul(options: ConsulWatchOptions): Promise<void> {
  const { signal, onAnswer, onTrouble, leastMs = 1000 } = options
  let index = 0
  let before: string | undefined
  let retryMs = firstRetryMs
  while (!signal.aborted) {
    try {
      const answer = await ask(options, index)
      if (answer.text !== before) await onAnswer(parseJson(answer.text), answer)
      before = answer.text
      const next = nextIndex(index, answer.headers['x-consul-index'])
      onTrouble(undefined)
      retryMs = firstRetryMs
      index = next ?? 0
      await pause(next === undefined ? pollMs : leastMs, signal)
    } catch (error) {
      if (signal.aborted) return
      onTrouble(explain(error))
      index = 0
      await pause(retryMs, signal)
      retryMs = Math.min(retryMs * 2, lastRetryMs)
    }
  }
}

async function ask(
  { client, path, signal, waitSeconds = 60 }: ConsulWatchOptions,
  index: number,
): Promise<HttpAnswer> {
  const query = index === 0 ? '' : `?index=${index}&wait=${waitSeconds}s`
  // Consul adds up to a sixteenth of the wait, so that not all come at once.
  const timeoutMs = index === 0 ? 10_000 : waitSeconds * 1000 * (17 / 16) + 10_000
  const answer = await client.request(path + query, { signal, timeoutMs })
  if (answer.status === 200) return answer
  const asked = { name: 'Consul', base: client.current(), method: 'GET', path }
  throw refusalTrouble(asked, answer)
}

/** Undefined without an index; 0 where it has gone back. */
function nextIndex(index: number, header: string | undefined): number | undefined {
  const told = header === undefined ? Number.NaN : Number(header)
  if (!Number.isSafeInteger(told)) return undefined
  if (told < index) return 0
  return Math.max(1, told)
}

/** Since 1.11 an answer says that it was filtered; before, an empty one may have been. */
export function rightsTrouble(isEmpty: boolean, { headers }: HttpAnswer): Trouble | undefined {
  const isFiltered = headers['x-consul-results-filtered-by-acls'] === 'true'
  if (!isEmpty && !isFiltered) return undefined
  const remedy = 'give its token the right to read all nodes and services (node:read, service:read)'
  return new Trouble('Consul shows nothing, or not all that it has', { remedy, retryable: true })
}
