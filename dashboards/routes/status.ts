import type { FastifyInstance } from 'fastify'
import { changeKinds, type ChangeDoc } from '../../pipeline/event.ts'
import type { ProcessView } from '../../pipeline/presence.ts'
import { unresolvedService } from '../../pipeline/identity.ts'
import { findLosses } from '../../pipeline/store/losses.ts'
import type { Answers, ClusterHealth, HealthView, LossAudit } from '../api.ts'
import { indexBehind, lagsOf } from '../lags.ts'
import { readParams, refusal } from '../params.ts'
import type { Context } from '../server.ts'

/** What happened and how it stands: alerts, changes, gaps, the program's own health. */
export function statusRoutes(app: FastifyInstance, context: Context): void {
  healthRoutes(app, context)
  alertRoute(app, context)
  changeRoute(app, context)
  lossRoutes(app, context)
}

/** Of every process, also of one without a page. */
export function healthRoutes(
  app: FastifyInstance,
  {
    health,
    processes,
    metrics,
    token,
  }: Pick<Context, 'health' | 'processes' | 'metrics' | 'token'>,
): void {
  app.get('/healthz', async (_request, reply) => {
    const { status, components } = health()
    const trouble = components.filter((component) => component.status !== 'green')
    reply.code(status === 'red' ? 503 : 200).header('cache-control', 'no-store')
    const names = trouble.map(({ name }) => name)
    // Anybody may ask: with a token, paths and addresses are told only to those who have it (`/api/health`).
    return token ? { status, trouble: names } : { status, trouble: names, components }
  })
  // Whoever would start the process anew asks this: that does not bring back a Kafka that is away.
  app.get('/livez', async () => ({ status: 'alive' }))
  // The page asks here: a red answer is still an answer.
  app.get('/api/health', async () => clusterHealth(health(), processes?.() ?? []))
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
}

/** One process that is ill is an illness of the whole, whichever shows it. */
function clusterHealth(own: HealthView, processes: ProcessView[]): ClusterHealth {
  const all = [own.status, ...processes.map(({ status }) => status)]
  const status = (['red', 'amber'] as const).find((one) => all.includes(one)) ?? 'green'
  return { ...own, status, processes: processes.length > 1 ? processes : [] }
}

const limits = { min: 1, max: 1000, unset: 200 }

function alertRoute(app: FastifyInstance, { store, clock, alerts, rules }: Context): void {
  app.get('/api/rules', async (): Promise<Answers['/api/rules']> => rules?.() ?? { rules: [] })
  app.get('/api/alerts', async (request): Promise<Answers['/api/alerts']> => {
    const params = readParams(request.query, ['from', 'to', 'limit'], clock.now())
    const limit = params.integer('limit', limits)
    const query = { ...params.range(), kind: 'alert', limit }
    const history = (await store.docs('changes', query)) as ChangeDoc[]
    return { alerts: alerts(), history }
  })
}

function changeRoute(app: FastifyInstance, { store, clock, services, timed }: Context): void {
  const names = ['service', 'kind', 'task', 'query', 'from', 'to', 'limit']
  app.get('/api/changes', async (request): Promise<Answers['/api/changes']> => {
    const params = readParams(request.query, names, clock.now())
    const kinds = params.list('kind').flatMap((kind) => kind.split(','))
    const wrong = kinds.find((kind) => !changeKinds.some((known) => known === kind))
    if (wrong !== undefined) {
      throw refusal(400, `"${wrong}" is no kind of change`, `kinds are ${changeKinds.join(', ')}`)
    }
    const [task, query] = [params.text('task'), params.text('query', 4000)]
    const asked = {
      ...params.range(),
      ...(await services.resolve(params.list('service'))),
      ...(kinds.length > 0 && { kinds }),
      ...(task !== undefined && { task }),
      ...(query !== undefined && { query }),
      limit: params.integer('limit', limits),
    }
    return { changes: (await timed('docs', () => store.docs('changes', asked))) as ChangeDoc[] }
  })
}

function lossRoutes(app: FastifyInstance, context: Context): void {
  const { store, clock, services, timed } = context
  app.get('/api/gaps', async (request): Promise<Answers['/api/gaps']> => {
    const params = readParams(request.query, ['service', 'from', 'to'], clock.now())
    const scope = { ...params.range(), ...(await services.resolve(params.list('service'))) }
    const losses = await timed('gaps', () => findLosses(store, scope))
    return { ...losses, ...onItsWay(context, scope.services) }
  })
}

/** What is not here yet, of these services. */
function onItsWay(
  context: Context,
  services: readonly string[] | undefined,
): Pick<LossAudit, 'behindSeconds' | 'lags'> {
  const lags = lagsOf(context).filter(
    ({ service }) => !services || services.includes(service) || service === unresolvedService,
  )
  const behindSeconds = indexBehind(context)
  return { lags, ...(behindSeconds === undefined ? {} : { behindSeconds }) }
}
