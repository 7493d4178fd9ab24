import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { SimulationQuestion } from '../../pipeline/simulation.ts'
import { withoutUndefined } from '../../pipeline/without-undefined.ts'
import { sendLines } from '../ndjson.ts'
import { refusal } from '../params.ts'
import type { Context } from '../server.ts'

const ms = z.number().int().nonnegative()

const question = z.strictObject({
  service: z.string().min(1).max(1000),
  policy: z
    .strictObject({ text: z.string().max(10_000), file: z.string().min(1).max(200) })
    .optional(),
  from: ms,
  to: ms,
  startMs: ms.max(86_400_000).optional(),
  capacity: z.record(z.string().min(1).max(200), z.number().positive()).optional(),
})

/** A policy of 10,000 signs, each of several bytes. */
const maxQuestionBytes = 64 * 1024

/** What a scaling policy would have decided: NDJSON, one {@link SimulationLine} a line, the answer last. */
export function simulateRoutes(app: FastifyInstance, { simulate, log }: Context): void {
  app.post('/api/scaling/simulate', { bodyLimit: maxQuestionBytes }, async (request, reply) => {
    if (!simulate) throw refusal(501, 'this process has no bus to read the past from')
    const lines = simulate(readQuestion(request.body))
    return sendLines(reply, lines, { what: 'simulation', log })
  })
}

function readQuestion(body: unknown): SimulationQuestion {
  const { data, error } = question.safeParse(body)
  if (!data) {
    const [issue] = error.issues
    throw refusal(400, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'no question'}`)
  }
  if (data.from > data.to) throw refusal(400, '"from" is after "to"')
  return withoutUndefined(data) as SimulationQuestion
}
