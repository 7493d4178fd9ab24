import { answerDeployment } from '../answer-deployment.ts'
import { answerInfo } from '../answer-info.ts'
import { answerMetrics } from '../answer-metrics.ts'
import { answerQueue } from '../answer-queue.ts'
import { resetDelay } from '../back-off.ts'
import { cancelDeployment } from '../deployments.ts'
import { waiting } from '../launch-queue.ts'
import { absolutePath } from '../path-id.ts'
import { notFound } from '../refusal.ts'
import { revert } from '../revert.ts'
import { deploymentAnswer, forced, route, type Context, type Route } from './context.ts'
import { accepts, ok, type Answer, type Asked } from './exchange.ts'

export const systemRoutes: Route[] = [
  route('GET', /^\/v2\/deployments$/, ({ state }) =>
    ok([...state.deployments.values()].map(answerDeployment)),
  ),
  route('DELETE', /^\/v2\/deployments\/([^/]+)$/, cancel),
  route('GET', /^\/v2\/queue$/, ({ state }, { query }) =>
    ok(answerQueue(state, query.getAll('embed').includes('lastUnusedOffers'))),
  ),
  route('DELETE', /^\/v2\/queue\/(.+)\/delay$/, endDelay),
  route('GET', /^\/v2\/info$/, info),
  route('GET', /^\/v2\/leader$/, ({ leadership }) => ok({ leader: leadership.leader() })),
  route('DELETE', /^\/v2\/leader$/, abdicate),
  route('GET', /^\/metrics$/, metrics),
]

/** `/ping` answers in text too, so it is not bound to JSON as the others are. */
export function ping({ headers }: Asked): Answer {
  const json = !accepts(headers.accept, 'text/plain') && accepts(headers.accept, 'application/json')
  if (json) return { status: 200, body: '"pong"', headers: { 'content-type': 'application/json' } }
  return { status: 200, body: 'pong', headers: { 'content-type': 'text/plain' } }
}

/** Back to what was before, by another deployment; with `force` it just ends where it is. */
function cancel(context: Context, asked: Asked, id = ''): Answer {
  const { state } = context
  const deployment = state.deployments.get(id)
  if (!deployment) throw notFound(`DeploymentPlan ${id} does not exist`)
  if (!forced(context, asked)) return deploymentAnswer(revert(state, deployment))
  cancelDeployment(state, deployment)
  return { status: 202 }
}

function endDelay({ state }: Context, _: Asked, path = ''): Answer {
  const id = absolutePath(path)
  const instances = waiting(state).get(id)
  if (!instances) throw notFound(`Application ${id} not found in tasks queue.`)
  for (const { spec } of instances) resetDelay(state, spec)
  return { status: 204 }
}

function info({ state, leadership, address }: Context): Answer {
  const leader = leadership.leader()
  const httpPort = Number(address.split(':').at(-1))
  return ok(answerInfo(state, { leader, elected: leader === address, httpPort }))
}

const abdicationMs = 5000

/** The instance that led restarts; until the other one leads, nobody does. */
function abdicate({ leadership }: Context): Answer {
  // After the answer is out, which a lost leader would cut off.
  setTimeout(() => void leadership.lose(abdicationMs), 500).unref()
  return ok({ message: 'Leadership abdicated' })
}

function metrics({ state, leadership, startedAt, eventStreams }: Context): Answer {
  const leadingSince = leadership.since()
  return ok(answerMetrics(state, { startedAt, leadingSince, eventStreams: eventStreams() }))
}
