import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { SimulationQuestion } from '../../pipeline/simulation.ts'
import { withoutUndefined } from '../../pipeline/without-undefined.ts'
import { sendLines } from '../ndjson.ts'
import { refusal } from '../params.ts'
import { readPastQuestion } from '../past-question.ts'
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
    const asked = withoutUndefined(readPastQuestion(question, request.body)) as SimulationQuestion
    const lines = simulate(asked)
    return sendLines(reply, lines, { what: 'simulation', log })
  })
}
