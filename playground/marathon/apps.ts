import { checkApp, checkVersionAlone } from './app-rules.ts'
import { appSchema, appUpdateSchema, type App } from './app-schema.ts'
import { kill, setGoal } from './instances.ts'
import { isActive, type Instance, type Plan, type RunSpec } from './model.ts'
import { migrated, normaliseApp } from './normalise-app.ts'
import { absolutePath, parentPath } from './path-id.ts'
import { readAs } from './read-json.ts'
import { alreadyExists, badRequest, unknownSpec } from './refusal.ts'
import { changeRoot } from './root.ts'
import { specOfApp, withInstances } from './run-spec.ts'
import { instancesOf, type State } from './state.ts'

/** What clients do with apps. All throw Refusals. */

export type AppSpec = RunSpec & { kind: 'app' }

export function findApp(state: State, id: string): AppSpec | undefined {
  const spec = state.root.specs.get(id)
  return spec?.kind === 'app' ? spec : undefined
}

export function appOrRefuse(state: State, id: string): AppSpec {
  const app = findApp(state, id)
  if (!app) throw unknownSpec('App', id)
  return app
}

function readApp(json: unknown, id?: string): App {
  const body = readAs(appSchema, id === undefined ? json : { ...(json as object), id })
  const app = normaliseApp({
    ...body,
    id: absolutePath(body.id),
    ...(body.dependencies
      ? { dependencies: body.dependencies.map((one) => absolutePath(one)) }
      : {}),
  })
  checkApp(app)
  return app
}

/** `POST /v2/apps` */
export function createApp(state: State, json: unknown, force: boolean): Plan {
  const app = readApp(json)
  return changeRoot(state, {
    groupId: parentPath(app.id),
    force,
    specs(now) {
      if (now.has(app.id)) throw alreadyExists(`An app with id [${app.id}] already exists.`)
      return including(now, specOfApp(app, ''))
    },
  })
}

export interface UpdateOptions {
  force: boolean
  /** Fields that are not given stay. */
  partial: boolean
  /** A missing app is created. */
  create: boolean
}

/** `PUT` and `PATCH /v2/apps/{id}`; an id in the body is ignored. */
export function updateApp(state: State, id: string, json: unknown, options: UpdateOptions): Plan {
  const spec = updatedApp(state, id, json, options)
  return changeRoot(state, {
    groupId: parentPath(id),
    force: options.force,
    specs: (now) => including(now, spec),
  })
}

/** `PUT` and `PATCH /v2/apps`: several in one deployment, or none if one of them is refused. */
export function updateApps(state: State, json: unknown, options: UpdateOptions): Plan {
  const updates = readAs(appUpdateSchema.array(), json)
  const specs = updates.map((update, index) => {
    if (update.id === undefined) throw badRequest('App Update must have app id set')
    const raw = (json as unknown[])[index]
    return updatedApp(state, absolutePath(update.id), raw, options)
  })
  return changeRoot(state, {
    groupId: '/',
    force: options.force,
    specs: (now) => specs.reduce(including, now),
  })
}

function updatedApp(state: State, id: string, json: unknown, options: UpdateOptions): RunSpec {
  const current = findApp(state, id)
  if (!current) {
    if (!options.create) throw unknownSpec('App', id)
    return specOfApp(readApp(json, id), '')
  }
  if (!options.partial) return specOfApp(readApp(json, id), '')
  const update = readAs(appUpdateSchema, json)
  checkVersionAlone(update)
  if (update.version !== undefined) return versionOf(state, id, update.version)
  const { networks, ...fields } = migrated(update)
  const app = normaliseApp({
    ...current.definition,
    ...fields,
    ...(networks ? { networks } : {}),
    id,
  })
  checkApp(app)
  return specOfApp(app, '')
}

/** The definition at that time: what had this version, or was in force then. */
export function versionOf(state: State, id: string, version: string): AppSpec {
  const at = Date.parse(version)
  const spec = state.versions.get(id)?.find((known) => Date.parse(known.version) === at)
  if (spec?.kind !== 'app') throw unknownSpec('App', id, version)
  return spec
}

export function deleteApp(state: State, id: string, force: boolean): Plan {
  appOrRefuse(state, id)
  return changeRoot(state, {
    groupId: parentPath(id),
    force,
    specs: (now) => new Map([...now].filter(([other]) => other !== id)),
  })
}

export function restartApp(state: State, id: string, force: boolean): Plan {
  appOrRefuse(state, id)
  return changeRoot(state, {
    groupId: parentPath(id),
    force,
    restart: [id],
    specs: (now) => now,
  })
}

export function scaleApp(state: State, id: string, instances: number, force = false): Plan {
  const app = appOrRefuse(state, id)
  return changeRoot(state, {
    groupId: parentPath(id),
    force,
    specs: (now) => including(now, withInstances(app, instances)),
  })
}

/** Kills the tasks of the instances; they are replaced, as their app's count stays. Wiping takes the volumes too. */
export function killInstances(state: State, instances: readonly Instance[], wipe: boolean): void {
  for (const instance of instances) {
    if (wipe) {
      instance.volumes = []
      setGoal(state, instance, 'Decommissioned')
      state.toScale.add(instance.spec.id)
    } else if (isActive(instance)) {
      kill(state, instance)
    }
  }
}

/** Kills just these and wants that many fewer from now on. */
export function killAndScale(state: State, instances: readonly Instance[], force: boolean): Plan {
  const active = instances.filter((one) => isActive(one) && one.condition !== 'Killing')
  const byApp = Map.groupBy(active, ({ spec }) => spec.id)
  const toKill = new Map([...byApp].map(([id, list]) => [id, list.map((one) => one.id)]))
  return changeRoot(state, {
    groupId: '/',
    force,
    toKill,
    specs(now) {
      const scaled = [...byApp].flatMap(([id, list]) => {
        const spec = now.get(id)
        return spec ? [withInstances(spec, Math.max(0, spec.instances - list.length))] : []
      })
      return scaled.reduce(including, now)
    },
  })
}

/** The instance with this task, as the ids in URLs name it. */
export function instanceWithTask(
  state: State,
  appId: string,
  taskId: string,
): Instance | undefined {
  return instancesOf(state, appId).find(({ tasks }) => tasks.some(({ id }) => id === taskId))
}

function including(now: ReadonlyMap<string, RunSpec>, spec: RunSpec): ReadonlyMap<string, RunSpec> {
  return new Map([...now, [spec.id, spec]])
}
