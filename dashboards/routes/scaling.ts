import type { FastifyInstance } from 'fastify'
import type { DecisionDoc } from '../../pipeline/decision.ts'
import type { Answers } from '../api.ts'
import { readParams } from '../params.ts'
import type { Context } from '../server.ts'

/** What the autoscaler thinks of each service, and what it decided before. */
export function scalingRoutes(app: FastifyInstance, context: Context): void {
  const { scaling, marathons, clock, services, store, timed } = context
  app.get('/api/scaling', async (): Promise<Answers['/api/scaling']> => {
    return { scaling: scaling?.() ?? [], marathons: marathons?.() ?? [] }
  })
  app.get('/api/decisions', async (request): Promise<Answers['/api/decisions']> => {
    const params = readParams(request.query, ['service', 'from', 'to', 'limit'], clock.now())
    const scope = await services.resolve(params.list('service'))
    const limit = params.integer('limit', { min: 1, max: 1000, unset: 200 })
    const query = { ...params.range(), ...scope, limit }
    const decisions = await timed('docs', () => store.docs('decisions', query))
    return { decisions: decisions as unknown as DecisionDoc[] }
  })
}
