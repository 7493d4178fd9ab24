import { Trouble } from '../pipeline/errors.ts'
import type { CommandContext } from './parts.ts'
import type { Source } from './source.ts'

interface Line {
  progress?: number
  answer?: unknown
  error?: string
  remedy?: string
}

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
  let told = 0
  for await (const line of await api.postStream(path, question)) {
    const { progress = 0, answer, error, remedy } = line as Line
    if (error !== undefined) throw new Trouble(error, remedy === undefined ? {} : { remedy })
    if (typeof answer === 'object' && answer !== null) return answer
    const tenths = Math.floor(progress * 10)
    if (tenths > told && tenths < 10) io.err(`mesoscope: ${tenths * 10} % of the past is read\n`)
    told = Math.max(told, tenths)
  }
  throw new Trouble(`the ${what} ended without an answer`)
}
