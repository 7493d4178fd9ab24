import { canaryService } from '../pipeline/canary.ts'
import { fastify, type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { errorCode, Trouble } from '../pipeline/errors.ts'
import { matchService } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Dashboards, DashboardsOptions, ErrorAnswer } from './api.ts'
import { serveFiles } from './files.ts'
import { refusal, type Refusal } from './params.ts'
import { theOnly } from './the-only.ts'
import { alertmanagerRoutes } from './routes/alertmanager.ts'
import { backtestRoutes } from './routes/backtest.ts'
import { simulateRoutes } from './routes/simulate.ts'
import { deadRoutes } from './routes/dead.ts'
import { demoRoutes } from './routes/demo.ts'
import { discoveryRoutes } from './routes/discovery.ts'
import { postMortemRoutes } from './routes/post-mortem.ts'
import { notifyRoutes } from './routes/notify.ts'
import { logRoutes } from './routes/logs.ts'
import { readinessRoutes } from './routes/readiness.ts'
import { scalingRoutes } from './routes/scaling.ts'
import { seriesRoutes } from './routes/series.ts'
import { serviceRoutes } from './routes/services.ts'
import { healthRoutes, statusRoutes } from './routes/status.ts'
import { tailRoutes } from './routes/tail.ts'
import { checkListening, guard } from './security.ts'

/** What every route is given. */
export interface Context extends DashboardsOptions {
  services: ServiceNames
  /** Runs a question to the store and notes how long the answer took. */
  timed: <T>(kind: string, ask: () => Promise<T>) => Promise<T>
}

const allRoutes = [
  logRoutes,
  serviceRoutes,
  seriesRoutes,
  scalingRoutes,
  readinessRoutes,
  discoveryRoutes,
  tailRoutes,
  statusRoutes,
  deadRoutes,
  demoRoutes,
  postMortemRoutes,
  backtestRoutes,
  simulateRoutes,
  alertmanagerRoutes,
  notifyRoutes,
]

/**
 * Opens the HTTP API and the page. Throws Trouble where it may not listen (no token beyond this machine) or
 * cannot (the port is taken).
 */
export async function openDashboards(options: DashboardsOptions): Promise<Dashboards> {
  const app = openApp(options)
  const context = { ...options, services: serviceNames(options), timed: timed(options) }
  for (const routes of allRoutes) routes(app, context)
  await serveFiles(app)
  return opened(app, options, 'start at /')
}

/** What every process has that shows no page. */
export type StatusOptions = Pick<
  DashboardsOptions,
  'health' | 'metrics' | 'clock' | 'log' | 'listen' | 'token' | 'publicUrl'
>

/** Opens only `/healthz` and `/metrics`, for a process without a page. Throws as {@link openDashboards} does. */
export async function openStatus(options: StatusOptions): Promise<Dashboards> {
  const app = openApp(options)
  healthRoutes(app, options)
  return opened(app, options, 'this process has /healthz and /metrics; the page is at another')
}

function openApp(options: StatusOptions): FastifyInstance {
  const { host } = options.listen
  const security = { host, token: options.token || undefined, publicUrl: options.publicUrl }
  checkListening(security)
  const app = fastify({
    bodyLimit: 16 * 1024,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  })
  app.setErrorHandler((error: FastifyError, _request, reply) =>
    answerError(error, reply, options.log),
  )
  acceptForms(app)
  guard(app, security)
  noteTheTime(app, options)
  return app
}

async function opened(app: FastifyInstance, { listen: at }: StatusOptions, remedy: string) {
  app.setNotFoundHandler(async (request) => {
    throw refusal(404, `there is nothing at ${request.url.slice(0, 200)}`, remedy)
  })
  return { url: await listen(app, at.host, at.port), close: () => app.close() }
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    await app.close()
    throw listenTrouble(error, host, port)
  }
  const address = app.server.address()
  const taken = typeof address === 'object' && address ? address.port : port
  return `http://${host.includes(':') ? `[${host}]` : host}:${taken}`
}

function listenTrouble(error: unknown, host: string, port: number): unknown {
  const place = `${host}:${port}`
  const remedies: Record<string, [string, string]> = {
    EADDRINUSE: [`port ${port} on ${host} is in use`, 'stop what uses it, or choose another port'],
    EACCES: [`may not listen on ${place}`, 'choose a port above 1023'],
    EADDRNOTAVAIL: [`this machine has no address ${host}`, 'listen on 127.0.0.1'],
    ENOTFOUND: [`${host} is no address of this machine`, 'listen on 127.0.0.1'],
  }
  const known = remedies[errorCode(error) ?? '']
  return known ? new Trouble(known[0], { remedy: `${known[1]} (listen)`, cause: error }) : error
}

/** The login form posts as forms do. */
function acceptForms(app: FastifyInstance): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' as const },
    async (_request: unknown, body: string) => Object.fromEntries(new URLSearchParams(body)),
  )
}

/** Ages on the page are by the server's clock, however wrong the reader's is. */
function noteTheTime(app: FastifyInstance, { clock }: Pick<DashboardsOptions, 'clock'>): void {
  app.addHook('onSend', async (request, reply) => {
    if (!request.url.startsWith('/api/')) return
    reply.header('x-mesoscope-now', String(clock.now()))
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
  })
}

function answerError(error: FastifyError | Refusal | Trouble, reply: FastifyReply, log: Logger) {
  const status = statusOf(error)
  if (status === 500) log.error({ err: error }, 'request failed')
  const answer: ErrorAnswer =
    status === 500
      ? { error: 'the server failed to answer', remedy: 'see its log' }
      : { error: error.message }
  if (error instanceof Trouble && error.remedy) answer.remedy = error.remedy
  const more = 'more' in error ? error.more : {}
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send({ ...answer, ...more })
}

/** A Trouble that no route chose a status for is the asker's fault, unless trying again can help. */
function statusOf(error: FastifyError | Refusal | Trouble): number {
  if ('status' in error) return error.status
  if (error instanceof Trouble) return error.retryable ? 503 : 400
  const { statusCode = 500 } = error
  return statusCode >= 400 && statusCode < 500 ? statusCode : 500
}

/** Turns what a person writes into exact names. */
interface ServiceNames {
  /** Throws 404 where nothing matches and 300, with the matches, where several do. No names mean all services. */
  resolve: (names: string[]) => Promise<{ services?: string[]; without?: string[] }>
}

const rememberNamesMs = 2000

function serviceNames({
  store,
  clock,
  alerts,
  serviceFacts,
  postures,
}: DashboardsOptions): ServiceNames {
  let known: { names: string[]; until: number } = { names: [], until: 0 }
  const refresh = async () => {
    const stored = (await store.services({})).map(({ service }) => service)
    // A service whose silence fires an alert may have no line left, or never had one.
    const alerting = alerts().flatMap(({ service }) => service ?? [])
    // One that Marathon knows may never have written.
    const told = serviceFacts?.().map(({ service }) => service) ?? []
    const looked = postures?.services() ?? []
    const names = [...new Set([...stored, ...alerting, ...told, ...looked])]
    known = { names, until: clock.now() + rememberNamesMs }
  }
  const find = async (name: string) => {
    if (clock.now() >= known.until || matchService(name, known.names).length === 0) await refresh()
    return matchService(name, known.names)
  }
  return {
    async resolve(names) {
      if (names.length === 0) return { without: [canaryService] }
      const services = []
      for (const name of names) {
        const matches = await find(name)
        services.push(theOnly(name, matches, (shown) => unknownService(shown, known.names)))
      }
      return { services }
    },
  }
}

function unknownService(shown: string, known: readonly string[]): Error {
  const some = known.toSorted().slice(0, 20).join(', ')
  return refusal(
    404,
    `no service "${shown}" has written a line yet`,
    known.length > 0 ? `services are ${some}` : 'no service has written a line yet; see Health',
  )
}

function timed({ metrics }: DashboardsOptions): Context['timed'] {
  return async (kind, ask) => {
    const stop = metrics.search_seconds.startTimer({ kind })
    try {
      return await ask()
    } finally {
      stop()
    }
  }
}
