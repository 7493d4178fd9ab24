import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { partsOf, type Part, type Problem } from './answer.ts'
import type { AppsRead, MarathonApp } from './marathon-apps.ts'
import { postureOfPod } from './marathon-posture.ts'
import type { MarathonTask } from './marathon-tasks.ts'
import { autoscaleOf, countOf, idOf, pathOf, textsOf, timeOf } from './marathon-values.ts'

/** The end of a container of a pod, as Marathon keeps it. */
export interface PodEnd {
  /** The Mesos task id. */
  task: string
  pod: string
  /** `TASK_FAILED` … */
  state: string
  timeMs: number
  message?: string
  exitCode?: number
}

export interface PodsRead extends AppsRead {
  ends: PodEnd[]
}

/** `/v2/pods/::status` (all), and that of a single one; also definitions of pods (`/v2/pods`). Never throws. */
export function readPods(answer: unknown): PodsRead {
  const problems: Problem[] = []
  const parts = partsOf(Array.isArray(answer) ? answer : [answer], problems)
  const read = parts.map(readPod)
  const apps = read.flatMap(({ pod }) => pod ?? [])
  const isList = Array.isArray(answer) || apps.length > 0
  return { apps: isList ? apps : undefined, ends: read.flatMap(({ ends }) => ends), problems }
}

function readPod(part: Part): { pod?: MarathonApp; ends: PodEnd[] } {
  const id = pathOf(part, 'id')
  if (id === undefined) {
    if (!part.has('id')) part.note('a pod without id')
    return { ends: [] }
  }
  const spec = part.part('spec') ?? (part.has('containers') ? part : undefined)
  if (!spec) part.note('a pod without its definition')
  const containers = spec?.parts('containers') ?? []
  const instances = part.parts('instances') ?? []
  const pod: MarathonApp = {
    id,
    kind: 'pod',
    labels: spec ? textsOf(spec, 'labels') : new Map<string, string>(),
    env: spec ? autoscaleOf(spec, 'environment', 'env') : {},
    resident: (spec?.parts('volumes') ?? []).some((volume) => volume.has('persistent')),
    hasChecks: containers.some((container) => container.has('healthCheck')),
    // A definition says nothing of what runs.
    ...(spec === part
      ? {}
      : { tasks: instances.flatMap((one) => tasksOf(one, id, spec)), ...countsOf(instances) }),
    ...withoutUndefined({
      instances: spec && instancesOf(spec),
      version: spec?.text('version'),
      configVersion: spec?.text('version'),
      image: imageOf(containers),
      ...resourcesOf(spec, containers),
    }),
  }
  return { pod: { ...pod, posture: postureOfPod(pod) }, ends: endsOf(part, id) }
}

function instancesOf(spec: Part): number | undefined {
  const scaling = spec.part('scaling')
  return scaling && countOf(scaling, 'instances')
}

/** Of several containers that of the first: there is one place for it. */
function imageOf(containers: readonly Part[]): string | undefined {
  return containers.map((container) => container.part('image')?.text('id')).find(Boolean)
}

/** By the container's name. */
function imagesOf(containers: readonly Part[]): Map<string, string> {
  return new Map(
    containers.flatMap((container): [string, string][] => {
      const [name, image] = [container.text('name'), container.part('image')?.text('id')]
      return name === undefined || image === undefined ? [] : [[name, image]]
    }),
  )
}

function resourcesOf(spec: Part | undefined, containers: readonly Part[]) {
  const executor = spec?.part('executorResources')
  const all = containers.flatMap((container) => container.part('resources') ?? [])
  if (executor) all.push(executor)
  const sum = (key: string) =>
    all.some((part) => part.has(key))
      ? all.reduce((total, part) => total + (part.number(key) ?? 0), 0)
      : undefined
  return { cpus: sum('cpus'), mem: sum('mem') }
}

/** An instance is one thing, however many containers it has. */
function countsOf(instances: readonly Part[]) {
  const counts = { staged: 0, running: 0, healthy: 0, unhealthy: 0 }
  for (const instance of instances) {
    const status = instance.text('status')
    if (status === 'PENDING' || status === 'STAGING') counts.staged++
    else if (status === 'STABLE') {
      counts.running++
      counts.healthy++
    } else if (status === 'DEGRADED') {
      counts.running++
      counts.unhealthy++
    } else if (status !== 'TERMINAL') instance.note('an instance without a status that is known')
  }
  return counts
}

function tasksOf(instance: Part, pod: string, spec: Part | undefined): MarathonTask[] {
  const version = /::versions\/(.+)$/.exec(instance.text('specReference') ?? '')?.[1]
  // Of another version it may be another one.
  const isCurrent = version === undefined || version === spec?.text('version')
  const images = isCurrent ? imagesOf(spec?.parts('containers') ?? []) : undefined
  const agent = instance.text('agentHostname')
  return (instance.parts('containers') ?? []).flatMap((container) => {
    const id = idOf(container, 'containerId')
    // It is not launched yet.
    if (id === undefined) return []
    const state = container.text('status') ?? 'TASK_STAGING'
    const sinceMs = timeOf(container, 'statusSince')
    return [
      {
        id,
        app: pod,
        state,
        ...withoutUndefined({
          agent,
          version,
          image: images?.get(container.text('name') ?? ''),
          startedMs: state === 'TASK_RUNNING' ? sinceMs : undefined,
          healthy: healthOf(container),
        }),
      },
    ]
  })
}

/** Endpoints, or a condition by the name of `healthy`, say so where there is a check. */
function healthOf(container: Part): boolean | undefined {
  const flags = (container.parts('endpoints') ?? []).flatMap(
    (endpoint) => endpoint.flag('healthy') ?? [],
  )
  const conditions = container.parts('conditions') ?? []
  for (const condition of conditions) {
    const value = condition.text('name') === 'healthy' ? condition.text('value') : undefined
    if (value === 'true' || value === 'false') flags.push(value === 'true')
  }
  return flags.length === 0 ? undefined : flags.every(Boolean)
}

function endsOf(part: Part, pod: string): PodEnd[] {
  return (part.parts('terminationHistory') ?? []).flatMap((ended) => {
    const timeMs = timeOf(ended, 'terminatedAt')
    if (timeMs === undefined) {
      ended.note('an end without time')
      return []
    }
    return (ended.parts('containers') ?? []).flatMap((container) => {
      const task = idOf(container, 'containerId')
      const state = container.text('lastKnownState')
      if (task === undefined || state === undefined) return []
      const termination = container.part('termination')
      return [
        {
          task,
          pod,
          state,
          timeMs,
          ...withoutUndefined({
            message: termination?.text('message') ?? ended.text('message'),
            exitCode: termination?.number('exitCode'),
          }),
        },
      ]
    })
  })
}
