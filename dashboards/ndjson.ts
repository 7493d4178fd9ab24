import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { Trouble } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import { refusal } from './params.ts'

/**
 * Answers with one line of JSON after the other, as they come. What is wrong with the question (a Trouble before the first
 * line) refuses it; what goes wrong later is the last line.
 */
export async function sendLines(
  reply: FastifyReply,
  answer: AsyncIterable<object>,
  { what, log }: { what: string; log: Logger },
): Promise<FastifyReply> {
  const lines = answer[Symbol.asyncIterator]()
  const first = await lines.next().catch((error: unknown) => {
    throw error instanceof Trouble ? refusal(400, error.message, error.remedy) : error
  })
  reply.headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  const stream = Readable.from(written(first, lines, what, log))
  // Whoever hung up before the first line was read has not let the answer begin, nor end.
  stream.once('close', () => void lines.return?.())
  return reply.type('application/x-ndjson; charset=utf-8').send(stream)
}

async function* written(
  first: IteratorResult<object>,
  lines: AsyncIterator<object>,
  what: string,
  log: Logger,
): AsyncGenerator<string> {
  try {
    for (let next = first; !next.done; next = await lines.next()) {
      yield `${JSON.stringify(next.value)}\n`
    }
  } catch (error) {
    if (!(error instanceof Trouble)) log.error({ err: error }, `a ${what} failed`)
    const remedy = error instanceof Trouble ? error.remedy : 'see the log'
    const message = error instanceof Trouble ? error.message : `the ${what} failed`
    yield `${JSON.stringify({ error: message, ...(remedy ? { remedy } : {}) })}\n`
  } finally {
    await lines.return?.()
  }
}
