import { answerApp } from '../answer-app.ts'
import { answerAppInfo, readEmbed, type Embed } from '../answer-app-info.ts'
import {
  appOrRefuse,
  createApp,
  deleteApp,
  findApp,
  restartApp,
  updateApp,
  updateApps,
  versionOf,
  type AppSpec,
} from '../apps.ts'
import { events } from '../events.ts'
import { labelSelector } from '../label-selector.ts'
import { absolutePath, isUnder } from '../path-id.ts'
import { parseJson } from '../read-json.ts'
import { unknownSpec } from '../refusal.ts'
import type { State } from '../state.ts'
import {
  deploymentAnswer,
  flag,
  forced,
  route,
  type Context,
  type Handle,
  type Route,
} from './context.ts'
import { ok, type Asked } from './exchange.ts'

export const appRoutes: Route[] = [
  route('GET', /^\/v2\/apps$/, listApps),
  route('POST', /^\/v2\/apps$/, postApp),
  route('PUT', /^\/v2\/apps$/, changeApps(true)),
  route('PATCH', /^\/v2\/apps$/, changeApps(false)),
  route('GET', /^\/v2\/apps\/(?:(.+)\/)?\*$/, appsOfGroup),
  route('POST', /^\/v2\/apps\/(.+)\/restart$/, restart),
  route('GET', /^\/v2\/apps\/(.+)\/versions$/, versions),
  route('GET', /^\/v2\/apps\/(.+)\/versions\/([^/]+)$/, version),
  route('GET', /^\/v2\/apps\/(.+)$/, showApp),
  route('PUT', /^\/v2\/apps\/(.+)$/, changeApp(true)),
  route('PATCH', /^\/v2\/apps\/(.+)$/, changeApp(false)),
  route('DELETE', /^\/v2\/apps\/(.+)$/, removeApp),
]

/** Counts and deployments are always there, as today's Marathon has them, although deprecated. */
function listApps({ state }: Context, { query }: Asked) {
  const [cmd, id, label] = [query.get('cmd'), query.get('id'), query.get('label')]
  const matches = label === null ? () => true : labelSelector(label)
  const contains = (text: string | undefined, part: string | null) =>
    part === null || (text?.toLowerCase().includes(part.toLowerCase()) ?? false)
  const chosen = apps(state).filter(
    (app) => contains(app.definition.cmd, cmd) && contains(app.id, id) && matches(app.labels),
  )
  const embed = { ...readEmbed(query.getAll('embed')), counts: true, deployments: true }
  return ok({ apps: chosen.map((app) => answerAppInfo(state, app, embed)) })
}

function apps(state: State): AppSpec[] {
  return [...state.root.specs.values()].filter((spec) => spec.kind === 'app')
}

/** What one app, or those of a group, are always answered with. */
function fullEmbed({ query }: Asked): Embed {
  const asked = readEmbed(query.getAll('embed'))
  return { ...asked, counts: true, tasks: true, lastTaskFailure: true, deployments: true }
}

function showApp({ state }: Context, asked: Asked, id = '') {
  const app = appOrRefuse(state, absolutePath(id, '/'))
  return ok({ app: answerAppInfo(state, app, fullEmbed(asked)) })
}

function appsOfGroup({ state }: Context, asked: Asked, id = '') {
  const group = absolutePath(id)
  const members = apps(state).filter((app) => isUnder(app.id, group) && app.id !== group)
  if (members.length === 0 && group !== '/') throw unknownSpec('Group', group)
  return ok({ '*': members.map((app) => answerAppInfo(state, app, fullEmbed(asked))) })
}

function postApp(context: Context, asked: Asked) {
  const { state } = context
  const plan = createApp(state, parseJson(asked.body), forced(context, asked))
  const [created] = plan.steps.flat()
  const app = created && findApp(state, created.spec.id)
  if (!app) return deploymentAnswer(plan, 201)
  tellPost(context, asked, app)
  const { versionInfo: _, ...answered } = answerApp(app)
  const counts = { tasksStaged: 0, tasksRunning: 0, tasksHealthy: 0, tasksUnhealthy: 0 }
  return {
    status: 201,
    body: { ...answered, ...counts, deployments: [{ id: plan.id }] },
    headers: { 'Marathon-Deployment-Id': plan.id, Location: app.id },
  }
}

/** PUT creates a missing app (201), PATCH refuses it (404). */
function changeApp(create: boolean): Handle {
  return (context, asked, path = '') => {
    const id = absolutePath(path)
    const existed = findApp(context.state, id) !== undefined
    const plan = updateApp(context.state, id, parseJson(asked.body), {
      force: forced(context, asked),
      partial: !create || flag(asked, 'partialUpdate', true),
      create,
    })
    const app = findApp(context.state, id)
    if (app) tellPost(context, asked, app)
    return deploymentAnswer(plan, existed ? 200 : 201)
  }
}

function changeApps(create: boolean): Handle {
  return (context, asked) => {
    const plan = updateApps(context.state, parseJson(asked.body), {
      force: forced(context, asked),
      partial: !create || flag(asked, 'partialUpdate', true),
      create,
    })
    return deploymentAnswer(plan)
  }
}

function tellPost({ state }: Context, { clientIp, uri }: Asked, app: AppSpec): void {
  state.events.publish(events.apiPost(state.clock.now(), clientIp, uri, app))
}

/** Deleting is forced unless it is asked not to be. */
function removeApp(context: Context, asked: Asked, id = '') {
  return deploymentAnswer(deleteApp(context.state, absolutePath(id), forced(context, asked, true)))
}

function restart(context: Context, asked: Asked, id = '') {
  return deploymentAnswer(restartApp(context.state, absolutePath(id), forced(context, asked)))
}

/** Newest first. */
function versions({ state }: Context, _: Asked, id = '') {
  const app = appOrRefuse(state, absolutePath(id))
  const known = state.versions.get(app.id) ?? []
  return ok({ versions: known.map((spec) => spec.version).toReversed() })
}

function version({ state }: Context, _: Asked, id = '', at = '') {
  return ok(answerApp(versionOf(state, absolutePath(id), at)))
}
