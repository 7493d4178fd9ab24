import type {
  App,
  AppBody,
  AppUpdate,
  ContainerDefinition,
  HealthCheckDefinition,
} from './app-schema.ts'

/** What the operator of this Marathon has set: everything is in one role. */
export const defaultRole = '*'

/**
 * Brings an app into the form that Marathon ≥ 1.5 keeps: deprecated fields become those of today, defaults are filled
 * in, what is empty is left out. Service ports that are 0 are given out later.
 */
export function normaliseApp(body: AppBody): App {
  const app = { ...body, ...migrated(body) }
  const networks = app.networks?.length ? app.networks : [{ mode: 'host' as const }]
  const host = networks.every(({ mode }) => mode === 'host')
  const resident = (app.container?.volumes ?? []).some(({ persistent }) => persistent)
  return compact({
    id: app.id,
    acceptedResourceRoles: app.acceptedResourceRoles,
    args: full(app.args),
    backoffFactor: app.backoffFactor ?? 1.15,
    backoffSeconds: app.backoffSeconds ?? 1,
    cmd: app.cmd,
    constraints: full(app.constraints),
    container: app.container && normaliseContainer(app.container, host),
    cpus: app.cpus ?? 1,
    dependencies: full(app.dependencies),
    disk: app.disk ?? 0,
    env: app.env && Object.keys(app.env).length > 0 ? app.env : undefined,
    executor: app.executor ?? '',
    executorResources: app.executorResources,
    fetch: full(app.fetch)?.map((uri) => ({ ...fetchDefaults, ...uri })),
    healthChecks: full(app.healthChecks)?.map(normaliseHealthCheck),
    check: app.check,
    instances: app.instances ?? 1,
    labels: app.labels ?? {},
    maxLaunchDelaySeconds: app.maxLaunchDelaySeconds ?? 300,
    mem: app.mem ?? 128,
    gpus: app.gpus ?? 0,
    networks: networks.map((network) => ({ ...network, mode: network.mode ?? 'container' })),
    portDefinitions: host ? normalisePorts(app.portDefinitions) : undefined,
    readinessChecks: full(app.readinessChecks)?.map((check) => ({
      ...readinessDefaults,
      ...check,
    })),
    residency: resident ? residencyDefaults : app.residency,
    resourceLimits: app.resourceLimits,
    requirePorts: host && (app.requirePorts ?? false),
    secrets: app.secrets && Object.keys(app.secrets).length > 0 ? app.secrets : undefined,
    taskKillGracePeriodSeconds: app.taskKillGracePeriodSeconds,
    upgradeStrategy: {
      maximumOverCapacity: app.upgradeStrategy?.maximumOverCapacity ?? (resident ? 0 : 1),
      minimumHealthCapacity: app.upgradeStrategy?.minimumHealthCapacity ?? (resident ? 0.5 : 1),
    },
    user: app.user,
    killSelection: app.killSelection ?? 'YOUNGEST_FIRST',
    unreachableStrategy: normaliseUnreachable(app.unreachableStrategy, resident),
    tty: app.tty,
    role: app.role ?? defaultRole,
  })
}

/** The fields of an update, deprecated ones translated; merged over an app before that is normalised. */
export function migrated<T extends AppUpdate>(update: T): T {
  const { ports, uris, ipAddress, version: _, ...app } = update
  const docker = app.container?.docker
  return compact({
    ...app,
    networks: app.networks ?? networksOf(docker?.network, ipAddress),
    portDefinitions: app.portDefinitions ?? ports?.map((port) => ({ port })),
    fetch: app.fetch ?? uris?.map((uri) => ({ uri, extract: isArchive(uri) })),
    container: app.container && migrateDocker(app.container),
  }) as T
}

function networksOf(
  docker: string | undefined,
  ipAddress: AppUpdate['ipAddress'],
): AppUpdate['networks'] {
  if (docker === 'BRIDGE') return [{ mode: 'container/bridge' }]
  if (docker === 'HOST') return [{ mode: 'host' }]
  if (docker === 'USER' || ipAddress) {
    return [compact({ mode: 'container' as const, name: ipAddress?.networkName })]
  }
  return undefined
}

function migrateDocker(container: ContainerDefinition): ContainerDefinition {
  if (!container.docker) return container
  const { network: _, portMappings, ...docker } = container.docker
  return compact({ ...container, docker, portMappings: container.portMappings ?? portMappings })
}

function normaliseContainer(container: ContainerDefinition, host: boolean): ContainerDefinition {
  const { docker } = container
  return compact({
    type: container.type ?? 'DOCKER',
    docker: docker && { forcePullImage: false, parameters: [], privileged: false, ...docker },
    volumes: (container.volumes ?? []).map((volume) => ({ ...volume, mode: volume.mode ?? 'RW' })),
    portMappings: host
      ? undefined
      : (container.portMappings ?? [{ name: 'default' }]).map((mapping) => ({
          containerPort: 0,
          hostPort: 0,
          labels: {},
          protocol: 'tcp' as const,
          servicePort: 0,
          ...mapping,
        })),
  })
}

function normalisePorts(ports: App['portDefinitions'] = [{ name: 'default' }]) {
  return ports.map((definition) => ({ port: 0, protocol: 'tcp' as const, ...definition }))
}

export function normaliseHealthCheck(check: HealthCheckDefinition): HealthCheckDefinition {
  const http = /HTTP/.test(check.protocol ?? 'HTTP')
  const overPort = check.protocol !== 'COMMAND' && check.port === undefined
  return compact({
    command: check.command,
    gracePeriodSeconds: check.gracePeriodSeconds ?? 300,
    ignoreHttp1xx: http ? (check.ignoreHttp1xx ?? false) : undefined,
    intervalSeconds: check.intervalSeconds ?? 60,
    maxConsecutiveFailures: check.maxConsecutiveFailures ?? 3,
    path: check.path ?? (http ? '/' : undefined),
    port: check.port,
    portIndex: check.portIndex ?? (overPort ? 0 : undefined),
    protocol: check.protocol ?? 'HTTP',
    ipProtocol: http ? (check.ipProtocol ?? 'IPv4') : undefined,
    timeoutSeconds: check.timeoutSeconds ?? 20,
    delaySeconds: check.delaySeconds ?? 15,
  })
}

export function normaliseUnreachable(
  strategy: AppBody['unreachableStrategy'],
  resident: boolean,
): App['unreachableStrategy'] {
  if (strategy === 'disabled' || (strategy === undefined && resident)) return 'disabled'
  return { inactiveAfterSeconds: 0, expungeAfterSeconds: 0, ...strategy }
}

const fetchDefaults = { extract: true, executable: false, cache: false }

const residencyDefaults = {
  relaunchEscalationTimeoutSeconds: 3600,
  taskLostBehavior: 'WAIT_FOREVER' as const,
}

const readinessDefaults = {
  name: 'readinessCheck',
  protocol: 'HTTP' as const,
  path: '/',
  portName: 'http-api',
  intervalSeconds: 30,
  timeoutSeconds: 10,
  httpStatusCodesForReady: [200],
  preserveLastResponse: false,
}

function isArchive(uri: string): boolean {
  return /\.(tgz|tar\.gz|tbz2|tar\.bz2|txz|tar\.xz|zip)$/.test(uri)
}

function full<T>(list: T[] | undefined): T[] | undefined {
  return list?.length ? list : undefined
}

/** Without the fields that are undefined. */
export function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T
}
