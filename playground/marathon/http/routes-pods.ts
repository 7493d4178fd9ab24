import { answerPod } from '../answer-app.ts'
import { answerPodStatus } from '../answer-pod-status.ts'
import { events } from '../events.ts'
import { iso } from '../model.ts'
import { absolutePath } from '../path-id.ts'
import { createPod, deletePod, podOrRefuse, updatePod, type PodSpec } from '../pods.ts'
import { parseJson } from '../read-json.ts'
import { unknownSpec } from '../refusal.ts'
import type { State } from '../state.ts'
import { forced, route, type Context, type Route } from './context.ts'
import { ok, type Answer, type Asked } from './exchange.ts'

export const podRoutes: Route[] = [
  route('HEAD', /^\/v2\/pods$/, () => ({ status: 200 })),
  route('GET', /^\/v2\/pods$/, ({ state }) => ok(pods(state).map(answerPod))),
  route('POST', /^\/v2\/pods$/, post),
  route('GET', /^\/v2\/pods\/::status$/, ({ state }) =>
    ok(pods(state).map((pod) => answerPodStatus(state, pod))),
  ),
  route('GET', /^\/v2\/pods\/(.+)::status$/, status),
  route('GET', /^\/v2\/pods\/(.+)::versions$/, versions),
  route('GET', /^\/v2\/pods\/(.+)::versions\/([^/]+)$/, version),
  route('GET', /^\/v2\/pods\/(.+)$/, ({ state }, _, id = '') =>
    ok(answerPod(podOrRefuse(state, absolutePath(id)))),
  ),
  route('PUT', /^\/v2\/pods\/(.+)$/, put),
  route('DELETE', /^\/v2\/pods\/(.+)$/, remove),
]

function pods(state: State): PodSpec[] {
  return [...state.root.specs.values()].filter((spec) => spec.kind === 'pod')
}

function post(context: Context, asked: Asked): Answer {
  const plan = createPod(context.state, parseJson(asked.body), forced(context, asked))
  const created = plan.steps.flat().find(({ spec }) => spec.kind === 'pod')
  return told(context, asked, 'created', plan.id, created?.spec.id, 201)
}

function put(context: Context, asked: Asked, path = ''): Answer {
  const id = absolutePath(path)
  const plan = updatePod(context.state, id, parseJson(asked.body), forced(context, asked))
  return told(context, asked, 'updated', plan.id, id, 200)
}

function remove(context: Context, asked: Asked, path = ''): Answer {
  const plan = deletePod(context.state, absolutePath(path), forced(context, asked))
  return told(context, asked, 'deleted', plan.id, undefined, 202)
}

function told(
  { state }: Context,
  { clientIp, uri }: Asked,
  what: 'created' | 'updated' | 'deleted',
  deploymentId: string,
  id: string | undefined,
  status: number,
): Answer {
  state.events.publish(events.pod(state.clock.now(), clientIp, uri, what))
  const headers = { 'Marathon-Deployment-Id': deploymentId }
  if (id === undefined) return { status, headers }
  return { status, headers, body: answerPod(podOrRefuse(state, id)) }
}

function status({ state }: Context, _: Asked, id = ''): Answer {
  return ok(answerPodStatus(state, podOrRefuse(state, absolutePath(id))))
}

function versions({ state }: Context, _: Asked, id = ''): Answer {
  const pod = podOrRefuse(state, absolutePath(id))
  return ok((state.versions.get(pod.id) ?? []).map((spec) => spec.version).toReversed())
}

function version({ state }: Context, _: Asked, path = '', at = ''): Answer {
  const id = absolutePath(path)
  const spec = state.versions.get(id)?.find((known) => known.version === iso(Date.parse(at) || 0))
  if (spec?.kind !== 'pod') throw unknownSpec('Pod', id, at)
  return ok(answerPod(spec))
}
