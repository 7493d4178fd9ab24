import stringify from 'fast-json-stable-stringify'
import type { App, HealthCheckDefinition } from './app-schema.ts'
import type { ContainerSpec, RunSpec, SpecHealthCheck, VersionInfo } from './model.ts'
import type { Pod } from './pod-schema.ts'

/** From what a client wrote to what the scheduler needs. */

export function specOfApp(app: App, version: string, versionInfo?: VersionInfo): RunSpec {
  const { container, unreachableStrategy, upgradeStrategy } = app
  const volumes = (container?.volumes ?? []).filter(({ persistent }) => persistent)
  return {
    kind: 'app',
    id: app.id,
    version,
    versionInfo: versionInfo ?? { lastScalingAt: version, lastConfigChangeAt: version },
    definition: app,
    instances: app.instances,
    role: app.role,
    containers: [containerOfApp(app)],
    executorResources: { cpus: 0, mem: 0, disk: 0 },
    backoff: {
      seconds: app.backoffSeconds,
      factor: app.backoffFactor,
      maxSeconds: app.maxLaunchDelaySeconds,
    },
    upgrade: {
      minimumHealthCapacity: upgradeStrategy.minimumHealthCapacity ?? 1,
      maximumOverCapacity: upgradeStrategy.maximumOverCapacity ?? 1,
    },
    killSelection: app.killSelection,
    unreachable: unreachableOf(unreachableStrategy),
    constraints: app.constraints ?? [],
    dependencies: app.dependencies ?? [],
    labels: app.labels,
    healthChecks: (app.healthChecks ?? []).flatMap(healthCheckOf),
    mesosChecked: (app.healthChecks ?? []).some(isMesosCheck),
    volumes: volumes.map(({ containerPath }) => containerPath),
  }
}

function containerOfApp(app: App): ContainerSpec {
  const { container } = app
  const image = container?.docker?.image
  return {
    program: programOf(app.cmd ?? app.args?.[0] ?? image ?? ''),
    ...(container?.type === 'DOCKER' && image !== undefined ? { image } : {}),
    resources: { cpus: app.cpus, mem: app.mem, disk: app.disk },
    ports: (container?.portMappings ?? app.portDefinitions ?? []).length,
    env: plainText(app.env),
    labels: {},
    killGraceMs: (app.taskKillGracePeriodSeconds ?? 3) * 1000,
  }
}

export function specOfPod(pod: Pod, version: string, versionInfo?: VersionInfo): RunSpec {
  const { scheduling } = pod
  return {
    kind: 'pod',
    id: pod.id,
    version,
    versionInfo: versionInfo ?? { lastScalingAt: version, lastConfigChangeAt: version },
    definition: pod,
    instances: pod.scaling.instances,
    role: pod.role,
    containers: pod.containers.map((container) => containerOfPod(pod, container)),
    executorResources: pod.executorResources,
    backoff: {
      seconds: scheduling.backoff.backoff,
      factor: scheduling.backoff.backoffFactor,
      maxSeconds: scheduling.backoff.maxLaunchDelay,
    },
    upgrade: scheduling.upgrade,
    killSelection: scheduling.killSelection,
    unreachable: unreachableOf(scheduling.unreachableStrategy),
    constraints: (scheduling.placement.constraints ?? []).map(({ fieldName, operator, value }) =>
      value === undefined ? [fieldName, operator] : [fieldName, operator, value],
    ),
    dependencies: [],
    labels: pod.labels ?? {},
    healthChecks: [],
    mesosChecked: pod.containers.some(({ healthCheck }) => healthCheck !== undefined),
    volumes: [],
  }
}

function containerOfPod(pod: Pod, container: Pod['containers'][number]): ContainerSpec {
  const { exec, resources, lifecycle } = container
  return {
    name: container.name,
    program: programOf(exec?.command.shell ?? exec?.command.argv?.[0] ?? container.name),
    resources: { cpus: resources.cpus, mem: resources.mem, disk: resources.disk ?? 0 },
    ports: (container.endpoints ?? []).filter(({ hostPort }) => hostPort !== undefined).length,
    env: { ...plainText(pod.environment), ...plainText(container.environment) },
    labels: container.labels ?? {},
    killGraceMs: (lifecycle?.killGracePeriodSeconds ?? 3) * 1000,
  }
}

/** The playground runs its own programs: a command begins with the name of one. */
function programOf(command: string): string {
  return command.trim().split(/\s+/)[0] ?? ''
}

/** Secrets are not resolved here. */
function plainText(env: App['env']): Record<string, string> {
  const texts = Object.entries(env ?? {}).filter(([, value]) => typeof value === 'string')
  return Object.fromEntries(texts) as Record<string, string>
}

function isMesosCheck({ protocol }: HealthCheckDefinition): boolean {
  return protocol === 'COMMAND' || protocol?.startsWith('MESOS_') === true
}

function healthCheckOf(check: HealthCheckDefinition): SpecHealthCheck[] {
  const { protocol, port } = check
  if (protocol !== 'HTTP' && protocol !== 'HTTPS' && protocol !== 'TCP') return []
  return [
    {
      protocol,
      path: check.path ?? '/',
      portIndex: check.portIndex ?? 0,
      ...(port === undefined ? {} : { port }),
      gracePeriodSeconds: check.gracePeriodSeconds ?? 300,
      intervalSeconds: check.intervalSeconds ?? 60,
      timeoutSeconds: check.timeoutSeconds ?? 20,
      maxConsecutiveFailures: check.maxConsecutiveFailures ?? 3,
      ignoreHttp1xx: check.ignoreHttp1xx ?? false,
    },
  ]
}

function unreachableOf(strategy: App['unreachableStrategy']): RunSpec['unreachable'] {
  if (strategy === 'disabled') return 'disabled'
  const { inactiveAfterSeconds = 0, expungeAfterSeconds = 0 } = strategy
  return { inactiveAfterSeconds, expungeAfterSeconds }
}

/** The same spec with another count; the definition says it too. */
export function withInstances(spec: RunSpec, instances: number): RunSpec {
  if (spec.kind === 'app') {
    return { ...spec, instances, definition: { ...spec.definition, instances } }
  }
  return {
    ...spec,
    instances,
    definition: { ...spec.definition, scaling: { kind: 'fixed', instances } },
  }
}

/** All that needs a restart when it changes: everything but the count. */
function configText(spec: RunSpec): string {
  return stringify(withInstances(spec, 0).definition)
}

export function isConfigChange(before: RunSpec, after: RunSpec): boolean {
  return configText(before) !== configText(after)
}

export function servicePorts({ kind, definition }: RunSpec): number[] {
  if (kind === 'pod') return []
  const mappings = definition.container?.portMappings?.map(({ servicePort }) => servicePort)
  return (mappings ?? definition.portDefinitions?.map(({ port }) => port) ?? []).map(
    (port) => port ?? 0,
  )
}

export function withServicePorts(app: App, ports: readonly number[]): App {
  const { container, portDefinitions } = app
  const mappings = container?.portMappings
  if (container && mappings) {
    const portMappings = mappings.map((mapping, index) => ({
      ...mapping,
      servicePort: ports[index],
    }))
    return { ...app, container: { ...container, portMappings } }
  }
  if (!portDefinitions) return app
  return {
    ...app,
    portDefinitions: portDefinitions.map((definition, index) => ({
      ...definition,
      port: ports[index],
    })),
  }
}
