import type { Trouble } from '../pipeline/errors.ts'
import { notJsonTrouble, refusalTrouble } from '../pipeline/http-trouble.ts'
import { parseJson, type HttpAnswer, type HttpClient, type HttpRequest } from '../pipeline/http.ts'

/** An answer of Mesos: what it says, or why it says nothing. */
export type Answer =
  { value: unknown; url: string } | { refused: number; text: string; trouble: Trouble }

export interface MesosApi {
  /**
   * Asks the paths in turn until one is there: Mesos' endpoints were renamed over the years. The one that answered is
   * asked first for ten minutes. Throws a Trouble where nobody answers, or with something else than JSON.
   */
  get(nowMs: number, ...paths: string[]): Promise<Answer>
  /** A call of the operator API (since 1.0). */
  call(type: string): Promise<Answer>
}

/** An agent may have been upgraded. */
const forgetMs = 10 * 60_000

export function openMesosApi(client: HttpClient, name: string): MesosApi {
  const found = new Map<string, { index: number; sinceMs: number }>()

  async function ask(path: string, request: HttpRequest = {}): Promise<Answer> {
    const answer = await client.request(path, request)
    const asked = { name, base: client.current(), method: request.method ?? 'GET', path }
    if (answer.status < 200 || answer.status > 299) {
      const { status: refused, text } = answer
      return { refused, text, trouble: refusalTrouble(asked, answer) }
    }
    return { value: parsed(answer, asked), url: answer.url }
  }

  return {
    async get(nowMs, ...paths) {
      const key = paths[0]?.split('?', 1)[0] as string
      const known = found.get(key)
      const start = known && nowMs - known.sinceMs < forgetMs ? known.index : 0
      for (let index = start; ; index++) {
        const answer = await ask(paths[index] as string)
        if (isMissing(answer) && index < paths.length - 1) continue
        if (!isMissing(answer) && index !== start) found.set(key, { index, sinceMs: nowMs })
        if (isMissing(answer)) found.delete(key)
        return answer
      }
    },
    call: (type) => ask('/api/v1', { method: 'POST', body: { type }, headers: v1Headers }),
  }
}

export const v1Headers = { accept: 'application/json' }

export const isMissing = (answer: Answer) => 'refused' in answer && answer.refused === 404

function parsed(answer: HttpAnswer, asked: Parameters<typeof notJsonTrouble>[0]): unknown {
  try {
    return parseJson(answer.text)
  } catch (cause) {
    throw notJsonTrouble(asked, answer, cause)
  }
}
