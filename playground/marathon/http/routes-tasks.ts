import { z } from 'zod'
import { answerTasks } from '../answer-app-info.ts'
import { answerTask } from '../answer-task.ts'
import { appOrRefuse, findApp, instanceWithTask, killAndScale, killInstances } from '../apps.ts'
import type { Instance } from '../model.ts'
import { absolutePath, isUnder } from '../path-id.ts'
import { parseJson, readAs } from '../read-json.ts'
import { badRequest, notFound, unknownSpec } from '../refusal.ts'
import { servicePorts } from '../run-spec.ts'
import { instancesOf } from '../state.ts'
import { instanceIdOf } from '../task-ids.ts'
import { deploymentAnswer, flag, forced, route, type Context, type Route } from './context.ts'
import { ok, type Answer, type Asked } from './exchange.ts'

export const taskRoutes: Route[] = [
  route('GET', /^\/v2\/tasks$/, listTasks),
  route('POST', /^\/v2\/tasks\/delete$/, killTasks),
  route('GET', /^\/v2\/apps\/(.+)\/tasks$/, tasksOf),
  route('DELETE', /^\/v2\/apps\/(.+)\/tasks$/, killTasksOf),
  route('DELETE', /^\/v2\/apps\/(.+)\/tasks\/([^/]+)$/, killOne),
]

/** Of apps, in any state, unless `status` (or `status[]`) says `running` or `staging`. */
function listTasks({ state }: Context, { query }: Asked): Answer {
  const asked = [...query.getAll('status'), ...query.getAll('status[]')]
  const wanted = asked.map((status) => status.toLowerCase())
  const conditions = wanted.flatMap((status) => {
    if (status === 'running') return ['Running']
    return status === 'staging' ? ['Staging'] : []
  })
  const chosen = [...state.instances.values()].filter(
    ({ spec, condition }) =>
      spec.kind === 'app' && (conditions.length === 0 || conditions.includes(condition)),
  )
  const tasks = chosen.flatMap((instance) => {
    const app = findApp(state, instance.spec.id)
    return app ? answerTasks(state, [instance], servicePorts(app)) : []
  })
  return ok({ tasks })
}

/** Of one app, or with `/*` of all of a group. */
function tasksOf({ state }: Context, _: Asked, id = ''): Answer {
  if (!id.endsWith('*')) {
    const app = appOrRefuse(state, absolutePath(id))
    return ok({ tasks: answerTasks(state, instancesOf(state, app.id)) })
  }
  const group = absolutePath(id.slice(0, -1))
  const members = [...state.instances.values()].filter(({ spec }) => isUnder(spec.id, group))
  const exists = [...state.root.specs.keys()].some((known) => isUnder(known, group))
  if (!exists) throw unknownSpec('Group', group)
  return ok({ tasks: answerTasks(state, members) })
}

function killTasksOf(context: Context, asked: Asked, id = ''): Answer {
  const { state } = context
  const host = asked.query.get('host')
  const app = appOrRefuse(state, absolutePath(id))
  const instances = instancesOf(state, app.id).filter(
    ({ agent }) => host === null || host === '*' || agent?.hostname === host,
  )
  return killed(context, asked, instances, () => ({ tasks: answerTasks(state, instances) }))
}

function killOne(context: Context, asked: Asked, id = '', taskId = ''): Answer {
  const { state } = context
  const app = appOrRefuse(state, absolutePath(id))
  const instance = instanceWithTask(state, app.id, taskId)
  const [task] = instance?.tasks ?? []
  if (!instance || !task) throw notFound(`Task '${taskId}' does not exist`)
  return killed(context, asked, [instance], () => ({ task: answerTask(state, instance, task) }))
}

function killTasks(context: Context, asked: Asked): Answer {
  const { state } = context
  const { ids } = readAs(z.object({ ids: z.array(z.string()) }), parseJson(asked.body))
  const instances = ids.flatMap((id) => {
    const instanceId = instanceIdOf(id)
    if (instanceId === undefined) throw badRequest(`Invalid task id '${id}'.`)
    return state.instances.get(instanceId) ?? []
  })
  return killed(context, asked, instances, () => ({ tasks: answerTasks(state, instances) }))
}

/** With `scale` a deployment wants that many fewer; otherwise they are replaced. */
function killed(
  context: Context,
  asked: Asked,
  instances: Instance[],
  answer: () => unknown,
): Answer {
  const [scale, wipe] = [flag(asked, 'scale'), flag(asked, 'wipe')]
  if (scale && wipe) throw badRequest('You cannot use scale and wipe at the same time.')
  if (scale) {
    return deploymentAnswer(killAndScale(context.state, instances, forced(context, asked)))
  }
  const body = answer()
  killInstances(context.state, instances, wipe)
  return ok(body)
}
