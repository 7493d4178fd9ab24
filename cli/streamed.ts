import { Trouble } from '../pipeline/errors.ts'
import type { CommandContext } from './parts.ts'
import type { Source } from './source.ts'

interface Line {
  progress?: number
  answer?: unknown
  error?: string
  remedy?: string
}

/** Who waits no longer needs not be told how far it is. */
const everyMs = 2000

/** The answer of what only a running Mesoscope can tell of the past; says on the way how far it is. */
export async function streamedAnswer(
  { api }: Source,
  { path, question, what }: { path: string; question: object; what: string },
  { io }: Pick<CommandContext, 'io'>,
): Promise<unknown> {
  if (!api) {
    throw new Trouble('what was recorded only a running Mesoscope can read', {
      remedy: 'start it with mesoscope run, or name one elsewhere with --url',
    })
  }
  let toldAt = io.clock.now()
  for await (const line of await api.postStream(path, question)) {
    const { progress = 0, answer, error, remedy } = line as Line
    if (error !== undefined) throw new Trouble(error, remedy === undefined ? {} : { remedy })
    if (typeof answer === 'object' && answer !== null) return answer
    const now = io.clock.now()
    if (now - toldAt < everyMs) continue
    io.err(`mesoscope: ${Math.floor(progress * 100)} % of the past is read\n`)
    toldAt = now
  }
  throw new Trouble(`the ${what} ended without an answer`)
}
