import { readEmbed } from '../answer-app-info.ts'
import { answerGroup, type GroupEmbed } from '../answer-group.ts'
import { absolutePath, isUnder } from '../path-id.ts'
import { unknownSpec } from '../refusal.ts'
import { changeRoot } from '../root.ts'
import { deploymentAnswer, forced, route, type Context, type Route } from './context.ts'
import { ok, type Answer, type Asked } from './exchange.ts'

/** Groups are read and deleted; they come with their apps. */
export const groupRoutes: Route[] = [
  route('GET', /^\/v2\/groups$/, show),
  route('GET', /^\/v2\/groups\/versions$/, versions),
  route('GET', /^\/v2\/groups\/(.+)\/versions$/, versions),
  route('GET', /^\/v2\/groups\/(.+)$/, show),
  route('DELETE', /^\/v2\/groups\/(.+)$/, remove),
]

/** Nothing asked for: groups, apps and pods, as definitions with their counts and deployments. */
function readGroupEmbed({ query }: Asked): GroupEmbed {
  const names = query.getAll('embed')
  const app = readEmbed(names.filter((name) => name.startsWith('group.apps.')))
  const all = !names.some((name) => /^group\.(groups|apps|pods)$/.test(name))
  return {
    groups: all || names.includes('group.groups'),
    apps: all || names.includes('group.apps'),
    pods: all || names.includes('group.pods'),
    app,
  }
}

function show({ state }: Context, asked: Asked, path = ''): Answer {
  const id = absolutePath(path)
  const group = answerGroup(state, id, readGroupEmbed(asked))
  if (!group) throw unknownSpec('Group', id)
  return ok(group)
}

function versions({ state }: Context, _: Asked, path = ''): Answer {
  const id = absolutePath(path)
  const known = [...state.versions].filter(([spec]) => isUnder(spec, id))
  if (known.length === 0 && id !== '/') throw unknownSpec('Group', id)
  const all = known.flatMap(([, specs]) => specs.map((spec) => spec.version))
  return ok([...new Set(all)].toSorted().toReversed())
}

function remove(context: Context, asked: Asked, path = ''): Answer {
  const id = absolutePath(path)
  const { state } = context
  if (![...state.root.specs.keys()].some((spec) => isUnder(spec, id)))
    throw unknownSpec('Group', id)
  const plan = changeRoot(state, {
    groupId: id,
    force: forced(context, asked),
    specs: (now) => new Map([...now].filter(([spec]) => !isUnder(spec, id))),
  })
  return deploymentAnswer(plan)
}
