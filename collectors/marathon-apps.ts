import type { Verdicts } from '../pipeline/posture.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { partOf, type Part, type Problem } from './answer.ts'
import { postureOfApp } from './marathon-posture.ts'
import { keepDefinition } from './marathon-definition.ts'
import { failureOf, tasksIn, type MarathonFailure, type MarathonTask } from './marathon-tasks.ts'
import { autoscaleOf, countOf, idOf, idsOf, lengthOf, textsOf } from './marathon-values.ts'

/** What runs under one id: an app, or a pod. */
export interface MarathonApp {
  id: string
  kind: 'app' | 'pod'
  /** Wanted. */
  instances?: number
  /** When it was changed last, in Marathon's own form: changes of `instances` count, too. */
  version?: string
  /** When anything but `instances` was changed last. */
  configVersion?: string
  image?: string
  /** Of one instance: cores and MiB. */
  cpus?: number
  mem?: number
  labels: Map<string, string>
  /** See {@link autoscaleOf}. */
  env: Record<string, string>
  /** Keeps its volumes. */
  resident: boolean
  replaceUnreachable?: number | 'never'
  hasChecks: boolean
  /** How it is to run; absent where only a part of its definition was told. */
  posture?: Verdicts
  staged?: number
  running?: number
  healthy?: number
  unhealthy?: number
  /** Ids of deployments that lock it; undefined where they were not embedded. */
  deployments?: string[]
  /** Undefined where they were not embedded. */
  tasks?: MarathonTask[]
  failure?: MarathonFailure
}

export interface AppsRead {
  /** Undefined where there is no list of apps at all. */
  apps: MarathonApp[] | undefined
  problems: Problem[]
}

/** Nobody nests groups deeper; an answer without end must not fill the stack. */
const maxDepth = 100

/**
 * `/v2/apps`, `/v2/apps/{id}` and `/v2/apps/{group}/*`, with whatever was embedded, of Marathons from 0.7 on; also the
 * bare definition of an app. Never throws.
 */
export function readApps(answer: unknown): AppsRead {
  const problems: Problem[] = []
  const part = partOf(answer, problems)
  if (!part) return { apps: undefined, problems }
  if (part.has('app')) {
    const app = part.part('app')
    return { apps: app && appsOf([app], problems), problems }
  }
  const isBare = part.has('id') && !part.has('apps', '*', 'groups')
  if (isBare) return { apps: appsOf([part], problems), problems }
  const key = part.has('*') ? '*' : 'apps'
  if (!part.has(key)) part.note('no list of apps')
  const parts = part.parts(key) ?? []
  return { apps: Array.isArray(part.fields[key]) ? appsOf(parts, problems) : undefined, problems }
}

/** The apps of `/v2/groups`, at any depth. Never throws. */
export function readGroups(answer: unknown): AppsRead {
  const problems: Problem[] = []
  const root = partOf(answer, problems)
  if (!root) return { apps: undefined, problems }
  if (!root.has('apps', 'groups')) root.note('no group: neither apps nor groups')
  const apps: MarathonApp[] = []
  let level = [{ group: root, path: pathIn('', root) }]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) {
      level[0]?.group.note(`groups below ${maxDepth} others are left out`)
      break
    }
    for (const { group, path } of level) {
      apps.push(...appsOf(group.parts('apps') ?? [], problems, path))
    }
    level = level.flatMap(({ group, path }) =>
      (group.parts('groups') ?? []).map((one) => ({ group: one, path: pathIn(path, one) })),
    )
  }
  return { apps: root.has('apps', 'groups') ? apps : undefined, problems }
}

/** As people write groups down, an id may be of its place in the group around it. */
function pathIn(around: string, part: Part): string {
  const id = idOf(part, 'id') ?? ''
  const path = id.startsWith('/') ? id : `${around}/${id}`
  return path.replace(/\/+$/, '')
}

function appsOf(parts: readonly Part[], problems: Problem[], within = ''): MarathonApp[] {
  return parts.flatMap((part) => readApp(part, problems, within) ?? [])
}

function readApp(part: Part, problems: Problem[], within: string): MarathonApp | undefined {
  const id = idOf(part, 'id') === undefined ? undefined : pathIn(within, part)
  if (id === undefined) {
    if (!part.has('id')) part.note('an app without id')
    return undefined
  }
  const versions = part.part('versionInfo')
  const app: MarathonApp = {
    id,
    kind: 'app',
    labels: textsOf(part, 'labels'),
    env: autoscaleOf(part, 'env'),
    resident: part.has('residency') || hasPersistentVolume(part),
    hasChecks: lengthOf(part, 'healthChecks') > 0,
    posture: postureOfApp(part),
    ...withoutUndefined({
      instances: countOf(part, 'instances'),
      version: part.text('version'),
      configVersion: versions?.text('lastConfigChangeAt'),
      replaceUnreachable: unreachableOf(part),
      image: part.part('container')?.part('docker')?.text('image'),
      cpus: part.number('cpus'),
      mem: part.number('mem'),
      staged: countOf(part, 'tasksStaged'),
      running: countOf(part, 'tasksRunning'),
      healthy: countOf(part, 'tasksHealthy'),
      unhealthy: countOf(part, 'tasksUnhealthy'),
      deployments: part.has('deployments') ? idsOf(part, 'deployments') : undefined,
      tasks: tasksIn(part, problems, id),
      failure: failureOf(part),
    }),
  }
  keepDefinition(app, part.fields)
  return app
}

/** `"disabled"`, or after so long: Marathon's own defaults differ from what its documentation says. */
function unreachableOf(part: Part): MarathonApp['replaceUnreachable'] {
  if (part.fields['unreachableStrategy'] === 'disabled') return 'never'
  const seconds = part.part('unreachableStrategy')?.number('inactiveAfterSeconds')
  return seconds === undefined || seconds < 0 ? undefined : seconds * 1000
}

function hasPersistentVolume(part: Part): boolean {
  const volumes = part.part('container')?.parts('volumes') ?? []
  return volumes.some((volume) => volume.has('persistent'))
}
