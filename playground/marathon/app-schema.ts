import { z } from 'zod'

/**
 * Apps as clients write them: the types of the fields, as the RAML of Marathon 1.10 has them. What else is in a body
 * is ignored, as Marathon does. `normaliseApp` brings them into the form that is kept and answered.
 */

const port = z.int().min(0).max(65_535)
const amount = z.number().min(0)
const seconds = z.int().min(0)
const labels = z.record(z.string(), z.string())
const secretRef = z.object({ secret: z.string() })

const limit = z.union([z.literal('unlimited'), z.number()])

const portMapping = z.object({
  containerPort: port.optional(),
  hostPort: port.optional(),
  labels: labels.optional(),
  name: z.string().optional(),
  protocol: z.enum(['tcp', 'udp', 'udp,tcp']).optional(),
  servicePort: port.optional(),
  networkNames: z.array(z.string()).optional(),
})

const portDefinition = z.object({
  port: port.optional(),
  labels: labels.optional(),
  name: z.string().optional(),
  protocol: z.enum(['tcp', 'udp', 'udp,tcp']).optional(),
})

const network = z.object({
  name: z.string().optional(),
  mode: z.enum(['container', 'container/bridge', 'host']).optional(),
  labels: labels.optional(),
})

const container = z.object({
  type: z.enum(['MESOS', 'DOCKER']).optional(),
  docker: z
    .object({
      image: z.string().min(1),
      forcePullImage: z.boolean().optional(),
      privileged: z.boolean().optional(),
      parameters: z.array(z.object({ key: z.string(), value: z.string() })).optional(),
      /** Deprecated since 1.5, together with `portMappings`. */
      network: z.enum(['BRIDGE', 'HOST', 'NONE', 'USER']).optional(),
      portMappings: z.array(portMapping).optional(),
    })
    .optional(),
  volumes: z
    .array(
      z.object({
        containerPath: z.string().min(1),
        hostPath: z.string().min(1).optional(),
        mode: z.enum(['RO', 'RW']).optional(),
        persistent: z
          .object({ type: z.enum(['root', 'path', 'mount']).optional(), size: amount })
          .optional(),
        secret: z.string().optional(),
      }),
    )
    .optional(),
  portMappings: z.array(portMapping).optional(),
})

const protocols = [
  'HTTP',
  'HTTPS',
  'TCP',
  'COMMAND',
  'MESOS_TCP',
  'MESOS_HTTP',
  'MESOS_HTTPS',
] as const

const healthCheck = z.object({
  command: z.object({ value: z.string() }).optional(),
  gracePeriodSeconds: seconds.optional(),
  ignoreHttp1xx: z.boolean().optional(),
  intervalSeconds: seconds.optional(),
  maxConsecutiveFailures: seconds.optional(),
  path: z.string().optional(),
  port: port.optional(),
  portIndex: port.optional(),
  protocol: z.enum(protocols).optional(),
  ipProtocol: z.enum(['IPv4', 'IPv6']).optional(),
  timeoutSeconds: seconds.optional(),
  delaySeconds: seconds.optional(),
})

const readinessCheck = z.object({
  name: z.string().min(1).optional(),
  protocol: z.enum(['HTTP', 'HTTPS']).optional(),
  path: z.string().min(1).optional(),
  portName: z.string().optional(),
  intervalSeconds: seconds.optional(),
  timeoutSeconds: z.int().min(1).optional(),
  httpStatusCodesForReady: z.array(z.int().min(100).max(999)).optional(),
  preserveLastResponse: z.boolean().optional(),
})

const fetched = z.object({
  uri: z.string(),
  extract: z.boolean().optional(),
  executable: z.boolean().optional(),
  cache: z.boolean().optional(),
  destPath: z.string().optional(),
})

const unreachable = z.union([
  z.literal('disabled'),
  z.object({
    inactiveAfterSeconds: seconds.optional(),
    expungeAfterSeconds: seconds.optional(),
  }),
])

const fields = {
  acceptedResourceRoles: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  backoffFactor: z.number().min(1).optional(),
  backoffSeconds: seconds.optional(),
  cmd: z.string().min(1).optional(),
  constraints: z.array(z.array(z.string()).min(2).max(3)).optional(),
  container: container.optional(),
  cpus: z.number().min(0.001).optional(),
  dependencies: z.array(z.string()).optional(),
  disk: amount.optional(),
  env: z.record(z.string(), z.union([z.string(), secretRef])).optional(),
  executor: z.string().optional(),
  executorResources: z
    .object({ cpus: amount.optional(), mem: amount.optional(), disk: amount.optional() })
    .optional(),
  fetch: z.array(fetched).optional(),
  /** Of Mesos; not made in the playground. */
  check: z.looseObject({}).optional(),
  healthChecks: z.array(healthCheck).optional(),
  instances: seconds.optional(),
  labels: labels.optional(),
  maxLaunchDelaySeconds: seconds.optional(),
  mem: amount.optional(),
  gpus: seconds.optional(),
  networks: z.array(network).optional(),
  portDefinitions: z.array(portDefinition).optional(),
  readinessChecks: z.array(readinessCheck).optional(),
  residency: z
    .object({
      relaunchEscalationTimeoutSeconds: seconds.optional(),
      taskLostBehavior: z.enum(['WAIT_FOREVER', 'RELAUNCH_AFTER_TIMEOUT']).optional(),
    })
    .optional(),
  requirePorts: z.boolean().optional(),
  resourceLimits: z.object({ cpus: limit.optional(), mem: limit.optional() }).optional(),
  secrets: z.record(z.string(), z.object({ source: z.string() })).optional(),
  taskKillGracePeriodSeconds: seconds.optional(),
  // Its bounds are checked later, with a sentence of their own.
  upgradeStrategy: z
    .object({ maximumOverCapacity: z.number(), minimumHealthCapacity: z.number() })
    .partial()
    .optional(),
  user: z.string().optional(),
  killSelection: z.enum(['YOUNGEST_FIRST', 'OLDEST_FIRST']).optional(),
  unreachableStrategy: unreachable.optional(),
  tty: z.boolean().optional(),
  role: z.string().min(1).optional(),
  version: z.iso.datetime({ offset: true }).optional(),
  /** Deprecated since 1.5: read, never answered. */
  ports: z.array(port).optional(),
  uris: z.array(z.string()).optional(),
  ipAddress: z.object({ networkName: z.string().optional(), labels: labels.optional() }).optional(),
}

export const appUpdateSchema = z.object({ id: z.string().optional(), ...fields })
export const appSchema = z.object({ ...fields, id: z.string() })

export type AppUpdate = z.infer<typeof appUpdateSchema>
export type AppBody = z.infer<typeof appSchema>

type Required<T, Keys extends keyof T> = T & { [Key in Keys]-?: Exclude<T[Key], undefined> }
export type HealthCheckDefinition = NonNullable<AppBody['healthChecks']>[number]
export type ContainerDefinition = NonNullable<AppBody['container']>

/** An app in the form that is kept: defaults filled in, nothing deprecated. Without its version. */
export type App = Required<
  Omit<AppBody, 'version' | 'ports' | 'uris' | 'ipAddress'>,
  | 'backoffFactor'
  | 'backoffSeconds'
  | 'cpus'
  | 'disk'
  | 'executor'
  | 'gpus'
  | 'instances'
  | 'killSelection'
  | 'labels'
  | 'maxLaunchDelaySeconds'
  | 'mem'
  | 'networks'
  | 'requirePorts'
  | 'role'
  | 'unreachableStrategy'
  | 'upgradeStrategy'
>
