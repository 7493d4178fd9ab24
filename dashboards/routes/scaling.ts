import type { FastifyInstance } from 'fastify'
import type { DecisionDoc } from '../../pipeline/decision.ts'
import { matchService } from '../../pipeline/identity.ts'
import { allServices, pausesOn, type ScalingDesk } from '../../pipeline/scaling-desk.ts'
import type { Answers } from '../api.ts'
import { readParams, refusal } from '../params.ts'
import { readPauseWish, readResume } from '../pause-body.ts'
import type { Context } from '../server.ts'
import { theOnly } from '../the-only.ts'

/** What the autoscaler thinks of each service, and what it decided before. */
export function scalingRoutes(app: FastifyInstance, context: Context): void {
  const { scaling, scalingDesk, marathons, clock, services, store, timed } = context
  app.get('/api/scaling', async (): Promise<Answers['/api/scaling']> => {
    return {
      scaling: scaling?.() ?? [],
      pauses: scalingDesk?.pauses() ?? [],
      marathons: marathons?.() ?? [],
    }
  })
  app.get('/api/decisions', async (request): Promise<Answers['/api/decisions']> => {
    const params = readParams(request.query, ['service', 'from', 'to', 'limit'], clock.now())
    const scope = await services.resolve(params.list('service'))
    const limit = params.integer('limit', { min: 1, max: 1000, unset: 200 })
    const query = { ...params.range(), ...scope, limit }
    const decisions = await timed('docs', () => store.docs('decisions', query))
    return { decisions: decisions as unknown as DecisionDoc[] }
  })
  app.post('/api/scaling/pause', async ({ body }): Promise<Answers['/api/scaling/pause']> => {
    const wish = readPauseWish(body)
    const service = nameOf(wish.service, scaled(context))
    return { pause: await deskOf(context).pause({ ...wish, service }) }
  })
  app.post('/api/scaling/resume', async ({ body }): Promise<Answers['/api/scaling/resume']> => {
    const { service: asked, by } = readResume(body)
    const desk = deskOf(context)
    const paused = desk.pauses().map(({ service }) => service)
    const service = nameOf(asked, [...scaled(context), ...paused])
    const { pause, override } = await desk.resume(service, by)
    const others = pausesOn(service, desk.pauses()).filter((one) => one.service !== service)
    return { service, ...(pause && { ended: pause }), ...(override && { override }), others }
  })
}

const scaled = ({ scaling }: Context) => scaling?.().map(({ service }) => service) ?? []

function deskOf({ scalingDesk }: Context): ScalingDesk {
  if (scalingDesk) return scalingDesk
  throw refusal(501, 'this process knows nobody who scales')
}

/** The only one that is meant. */
function nameOf(name: string, known: readonly string[]): string {
  if (name === allServices) return name
  const services = [...new Set(known)].filter((one) => one !== allServices).toSorted()
  return theOnly(name, matchService(name, services), (shown) => {
    const listed = services.slice(0, 20).join(', ')
    const remedy = listed === '' ? 'no service is scaled' : `scaled are ${listed}`
    return refusal(404, `"${shown}" is not scaled`, remedy)
  })
}
