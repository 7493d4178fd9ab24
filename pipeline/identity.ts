/**
 * One identity, on every event. Written once, as close to the source as possible; `processors/resolve`
 * completes it. Absent means unknown: never an empty string.
 */
export interface Identity {
  cluster?: string
  /** The Marathon app id where there is one (`/shop/web`), never re-derived from it. */
  service?: string
  task?: string
  /** The container's full id. */
  container?: string
  containerName?: string
  /** The machine the task runs on. */
  agent?: string
  /** The app's version (`MARATHON_APP_VERSION`). */
  version?: string
  image?: string
  deployment?: string
  framework?: string
  owner?: string
  runbook?: string
  /** How long its events are kept (`pipeline/store/retention.ts`), as the service asks for it; stamped at the source alone. */
  retention?: string
  labels?: Record<string, string>
}

/** Where each part stands in Elastic Common Schema; what ECS lacks is under `mesos`, `marathon` and `mesoscope`. */
export const identityFields = {
  cluster: 'orchestrator.cluster.name',
  service: 'service.name',
  task: 'mesos.task.id',
  container: 'container.id',
  containerName: 'container.name',
  agent: 'host.name',
  version: 'service.version',
  image: 'container.image.name',
  deployment: 'marathon.deployment.id',
  framework: 'mesos.framework.id',
  owner: 'mesoscope.owner',
  runbook: 'mesoscope.runbook',
  retention: 'mesoscope.retention',
  labels: 'labels',
} as const satisfies Record<keyof Identity, string>

/** A task as Mesos or Marathon tell it; `since`: when it began (fixed-width ISO), for its id may be used again. */
export type ToldTask = Identity & { since?: string }

/**
 * Key of the topic `identity` under which Mesos' and Marathon's knowledge of a task stands; that of a container stands
 * under its id. A task id may be used again: each of its lives is kept (`processors/lives.ts`).
 */
export const taskKey = (task: string) => `task:${task}`

/** The name under which events are stored whose service is not known (yet). */
export const unresolvedService = 'unresolved'

/** The identity as ECS fields with dotted names, in the order of {@link identityFields}. */
export function identityToEcs(identity: Identity): Record<string, unknown> {
  const ecs: Record<string, unknown> = {}
  for (const [part, field] of Object.entries(identityFields)) {
    const value = identity[part as keyof Identity]
    if (value !== undefined) ecs[field] = value
  }
  return ecs
}

/** The inverse of {@link identityToEcs}, from any ECS document with dotted names. */
export function identityFromEcs(doc: Record<string, unknown>): Identity {
  const identity: Identity = {}
  for (const [part, field] of Object.entries(identityFields)) {
    if (doc[field] !== undefined) Object.assign(identity, { [part]: doc[field] })
  }
  return identity
}

/**
 * The services a person can mean by `name`: an exact id, else every id that ends in it at a path or name
 * boundary (`web` for `/shop/web`). Several matches mean that the person has to choose.
 */
export function matchService(name: string, services: readonly string[]): string[] {
  if (services.includes(name)) return [name]
  const ending = name.replace(/^\//, '')
  return services.filter((service) => service === `/${ending}` || service.endsWith(`/${ending}`))
}
