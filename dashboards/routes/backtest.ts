import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { BacktestQuestion, BacktestRule } from '../../pipeline/backtest.ts'
import { identityFields } from '../../pipeline/identity.ts'
import { measures } from '../../pipeline/measures.ts'
import { signalSources } from '../../pipeline/signals.ts'
import { withoutUndefined } from '../../pipeline/without-undefined.ts'
import { sendLines } from '../ndjson.ts'
import { refusal } from '../params.ts'
import { readPastQuestion } from '../past-question.ts'
import type { Context } from '../server.ts'

const name = z.string().min(1).max(200)
const texts = z.record(name, z.string().max(4000))
const ms = z.number().int().nonnegative()

const question = z.strictObject({
  rule: z.strictObject({
    alert: name,
    when: z.string().max(4000),
    clearWhen: z.string().max(4000).optional(),
    watchdog: z.boolean().optional(),
    noData: z.enum(['unknown', 'ok', 'keep', 'alert']).optional(),
    onError: z.enum(['keep', 'alert']).optional(),
    log: z
      .strictObject({
        type: name,
        from: z.enum(['logs', 'changes']).optional(),
        where: z.string().max(4000),
        holdMs: ms.optional(),
        parameters: z.record(name, z.unknown()),
      })
      .optional(),
    forMs: ms,
    keepFiringForMs: ms,
    labels: texts,
    annotations: texts,
  }),
  signals: z.record(
    name,
    z.strictObject({
      from: z.enum(signalSources),
      metric: name.optional(),
      field: name.optional(),
      counter: z.boolean().optional(),
      value: z.string().max(4000).optional(),
      where: z.string().max(4000),
      measure: z.enum(measures),
      overMs: ms,
      by: z.array(z.enum(Object.keys(identityFields) as [keyof typeof identityFields])).max(20),
      unit: name.optional(),
      expected: z
        .array(z.record(name, z.string().max(1000)))
        .max(1000)
        .optional(),
    }),
  ),
  from: ms,
  to: ms,
  hindsight: z.boolean(),
})

/** What a rule would have told: NDJSON, one {@link BacktestLine} a line, the answer last. */
export function backtestRoutes(app: FastifyInstance, context: Context): void {
  const { backtest, log } = context
  app.post('/api/rules/backtest', async (request, reply) => {
    if (!backtest) throw refusal(501, 'this process has no bus to read the past from')
    const asked = readQuestion(request.body)
    return sendLines(reply, backtest(asked), { what: 'back-test', log })
  })
}

function readQuestion(body: unknown): BacktestQuestion {
  const data = readPastQuestion(question, body)
  const { log, ...rule } = data.rule
  const signals = Object.entries(data.signals).map(([key, signal]) => [
    key,
    withoutUndefined(signal),
  ])
  return {
    ...data,
    rule: {
      ...withoutUndefined(rule),
      ...(log ? { log: withoutUndefined(log) } : {}),
    } as BacktestRule,
    signals: Object.fromEntries(signals) as BacktestQuestion['signals'],
  }
}
