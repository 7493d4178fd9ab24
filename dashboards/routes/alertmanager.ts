/**
 * Alertmanager's API v2 over the notification desk, so that amtool, a Prometheus as a sender, Grafana and karma work. Answers,
 * status codes and sentences are those of Alertmanager 0.34.
 */
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RouteGenericInterface,
} from 'fastify'
import { explain, Trouble } from '../../pipeline/errors.ts'
import type {
  DeskSilence,
  NotificationDesk,
  ParseMatcher,
} from '../../pipeline/notification-desk.ts'
import {
  alertsAnswer,
  groupsAnswer,
  silenceAnswer,
  silencesAnswer,
} from '../alertmanager/answers.ts'
import { readAlerts, refusalOf } from '../alertmanager/bodies.ts'
import {
  alertFilter,
  flagOf,
  matchesAll,
  receiverFilter,
  receiverLabels,
  silenceFilter,
  type Query,
} from '../alertmanager/filters.ts'
import { answerOf, isWireRefusal, wireRefusal, type WireRefusal } from '../alertmanager/refusal.ts'
import { checkedMatchers, readMatchers, readSilence } from '../alertmanager/silence-body.ts'
import type { Answers } from '../api.ts'
import { refusal, type Refusal } from '../params.ts'
import type { Context } from '../server.ts'

/** Bytes: some thousand alerts of a Prometheus, and a label of a megabyte beside them, which is refused by itself. */
const maxPostBytes = 8 * 1024 * 1024
const maxSilenceBytes = 64 * 1024

export function alertmanagerRoutes(app: FastifyInstance, context: Context): void {
  previewRoute(app, context)
  for (const path of ['/-/healthy', '/-/ready']) {
    app.get(path, async (_request, reply) => reply.type('text/plain; charset=utf-8').send('OK'))
  }
  // Errors and bodies are read and told otherwise than on our own routes.
  void app.register(async (scope) => {
    readBodiesAsText(scope)
    tellPlainJson(scope)
    scope.setErrorHandler((error: FastifyError, _request, reply) =>
      answerError(error, reply, context),
    )
    scope.all('/api/v1/*', async (_request, reply) => reply.code(410).send(deprecated))
    generalRoutes(scope, context)
    alertRoutes(scope, context)
    silenceRoutes(scope, context)
  })
}

const deprecated = {
  status: 'deprecated',
  error:
    'The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - please use the equivalent route in the v2 API',
}

interface Desk {
  desk: NotificationDesk
  parse: ParseMatcher
}

const noDesk = 'this process does not notify'

function deskOf({ desk, parseMatcher }: Context): Desk {
  if (!desk || !parseMatcher) throw wireRefusal(501, noDesk)
  return { desk, parse: parseMatcher }
}

interface Asked extends RouteGenericInterface {
  Querystring: Query
}

function generalRoutes(app: FastifyInstance, context: Context): void {
  const startedAt = new Date(context.clock.now()).toISOString()
  app.get('/api/v2/status', async () => ({
    cluster: { peers: [], status: 'disabled' },
    config: { original: deskOf(context).desk.config() },
    uptime: startedAt,
    versionInfo: {
      branch: 'mesoscope',
      buildDate: '',
      buildUser: '',
      goVersion: '',
      revision: '',
      version: context.version ?? '',
    },
  }))
  app.get<Asked>('/api/v2/receivers', async ({ query }) => {
    const { desk, parse } = deskOf(context)
    const wanted = receiverFilter(query, parse)
    return desk
      .receivers()
      .filter(wanted)
      .map((name) => ({ labels: receiverLabels(name), name }))
  })
}

function alertRoutes(app: FastifyInstance, context: Context): void {
  app.get<Asked>('/api/v2/alerts', async ({ query }) => {
    const { desk, parse } = deskOf(context)
    const [wanted, receiver] = [alertFilter(query, parse), receiverFilter(query, parse)]
    return alertsAnswer(
      desk.alerts().filter((alert) => alert.receivers.some(receiver) && wanted(alert)),
    )
  })
  app.get<Asked>('/api/v2/alerts/groups', async ({ query }) => {
    const { desk, parse } = deskOf(context)
    const [wanted, receiver] = [alertFilter(query, parse), receiverFilter(query, parse)]
    const muted = flagOf(query, 'muted')
    const groups = desk.groups().filter((group) => receiver(group.receiver))
    return groupsAnswer(groups, (alert) => (muted || alert.mutedBy.length === 0) && wanted(alert))
  })
  app.post('/api/v2/alerts', { bodyLimit: maxPostBytes }, async ({ body }, reply) => {
    const { desk } = deskOf(context)
    const batch = readAlerts(body)
    const unkept = batch.good.length === 0 ? [] : await desk.post(batch.good)
    const refused = refusalOf(batch, unkept)
    if (refused) throw refused
    return reply.send()
  })
}

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i

interface OneSilence extends RouteGenericInterface {
  Params: { id: string }
}

function silenceRoutes(app: FastifyInstance, context: Context): void {
  app.get<Asked>('/api/v2/silences', async ({ query }) => {
    const { desk, parse } = deskOf(context)
    return silencesAnswer(desk.silences().filter(silenceFilter(query, parse)))
  })
  app.post('/api/v2/silences', { bodyLimit: maxSilenceBytes }, async ({ body }) => {
    const { desk, parse } = deskOf(context)
    const request = readSilence(body, parse, context.clock.now())
    if (request.id !== undefined) silenceOf(desk, request.id, 'silence not found')
    return { silenceID: await desk.setSilence(request) }
  })
  app.get<OneSilence>('/api/v2/silence/:id', async ({ params }) => {
    const { desk } = deskOf(context)
    return silenceAnswer(silenceOf(desk, checkedId(params.id), ''))
  })
  app.delete<OneSilence>('/api/v2/silence/:id', async ({ params }, reply) => {
    const { desk } = deskOf(context)
    if (!(await desk.expireSilence(checkedId(params.id)))) throw wireRefusal(404, '')
    return reply.send()
  })
}

function checkedId(id: string): string {
  if (uuid.test(id)) return id.toLowerCase()
  const shown = JSON.stringify(id)
  throw wireRefusal(422, `silenceID in path must be of type uuid: ${shown}`, 601)
}

function silenceOf(desk: NotificationDesk, id: string, otherwise: string): DeskSilence {
  const found = desk.silences().find((one) => one.id === id)
  if (!found) throw wireRefusal(404, otherwise)
  return found
}

/** Which alerts a silence would mute now: our own route, before somebody mutes more than was meant. */
function previewRoute(app: FastifyInstance, context: Context): void {
  app.post('/api/silences/preview', async ({ body }): Promise<Answers['/api/silences/preview']> => {
    const { desk, parseMatcher } = context
    if (!desk || !parseMatcher) throw refusal(501, noDesk)
    const given = typeof body === 'object' && body !== null && 'matchers' in body ? body : undefined
    const matchers = checkedMatchers(readMatchers(given?.matchers), parseMatcher)
    const muted = desk.alerts().filter(({ labels }) => matchesAll(matchers, labels))
    return { count: muted.length, alerts: alertsAnswer(muted).slice(0, maxPreviewed) }
  })
}

const maxPreviewed = 1000

/** A text in JSON's media type alone: a page from elsewhere cannot send that without asking first. */
function readBodiesAsText(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' as const },
    async (_request: unknown, body: string) => body,
  )
  app.addContentTypeParser('*', async ({ headers }: FastifyRequest) => {
    const type = JSON.stringify(headers['content-type']?.split(';', 1)[0]?.slice(0, 100) ?? '')
    const sentence = `unsupported media type ${type}, only [application/json] are allowed`
    throw wireRefusal(415, sentence, 415)
  })
}

/** JSON's media type has no charset: some clients compare the whole. */
function tellPlainJson(app: FastifyInstance): void {
  app.addHook('onSend', async (_request, reply) => {
    const type = String(reply.getHeader('content-type') ?? '')
    if (type.startsWith('application/json')) reply.header('content-type', 'application/json')
  })
}

function answerError(
  error: FastifyError | Refusal | WireRefusal | Trouble,
  reply: FastifyReply,
  { log }: Context,
) {
  const refused = isWireRefusal(error) ? error : asWireRefusal(error)
  if (refused.status === 500) log.error({ err: error }, 'request failed')
  const answer = answerOf(refused)
  reply.code(refused.status)
  return answer === '' ? reply.send() : reply.type('application/json').send(answer)
}

function asWireRefusal(error: FastifyError | Refusal | Trouble): WireRefusal {
  if ('status' in error) return wireRefusal(error.status, explain(error), error.status)
  if (error instanceof Trouble) return wireRefusal(error.retryable ? 503 : 400, explain(error))
  const { statusCode = 500 } = error
  if (statusCode >= 400 && statusCode < 500)
    return wireRefusal(statusCode, error.message, statusCode)
  return wireRefusal(500, 'the server failed to answer: see its log')
}
