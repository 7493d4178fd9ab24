import type { FastifyInstance } from 'fastify'
import { assess } from '../../pipeline/readiness.ts'
import type { Answers } from '../api.ts'
import { lagsOf } from '../lags.ts'
import { readParams, refusal } from '../params.ts'
import type { Context } from '../server.ts'

const dayMs = 86_400_000

/** Whether a service is fit for production, and what is missing. */
export function readinessRoutes(app: FastifyInstance, context: Context): void {
  const { clock, services } = context
  app.get('/api/readiness', async (request): Promise<Answers['/api/readiness']> => {
    const params = readParams(request.query, ['service'], clock.now())
    const name = params.text('service')
    if (name === undefined) throw refusal(400, '"service" is missing', 'name a service')
    const [service] = (await services.resolve([name])).services ?? []
    return { readiness: await readinessOf(context, service as string) }
  })
}

async function readinessOf(context: Context, service: string) {
  const { clock, store, timed, postures, serviceFacts, covering, retentionClasses } = context
  const nowMs = clock.now()
  const range = { from: nowMs - dayMs, to: nowMs + 1 }
  const summaries = await timed('services', () => store.services(range))
  const summary = summaries.find((one) => one.service === service)
  return assess({
    service,
    nowMs,
    posture: postures?.get(service),
    state: serviceFacts?.().find((one) => one.service === service),
    lines: summary && { count: summary.lines, lastMs: summary.lastMs },
    behindSeconds: lagsOf(context).find((lag) => lag.service === service)?.seconds,
    rules: covering?.(service),
    retentionClasses,
  })
}
