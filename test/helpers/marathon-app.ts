import { z } from 'zod'

/** Marathon's AppUpdate as far as deploy/marathon uses it: no field that Marathon does not know, none of another type. */
const count = z.int().min(0)
const share = z.number().min(0).max(1)
const port = z.int().min(0).max(65_535)
const protocol = z.enum(['tcp', 'udp', 'udp,tcp'])
const name = z.string().regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/)
const path = z.string().startsWith('/')

const volume = z.strictObject({
  containerPath: path,
  hostPath: path,
  mode: z.enum(['RO', 'RW']),
})

const portMapping = z.strictObject({
  containerPort: port,
  hostPort: port,
  protocol,
  name,
})

const container = z.strictObject({
  type: z.enum(['DOCKER', 'MESOS']),
  docker: z.strictObject({
    image: z.string().min(1),
    forcePullImage: z.boolean(),
    parameters: z.array(z.strictObject({ key: z.string(), value: z.string() })).optional(),
  }),
  volumes: z.array(volume),
  portMappings: z.array(portMapping).optional(),
})

const healthCheck = z
  .strictObject({
    protocol: z.enum(['HTTP', 'HTTPS', 'TCP', 'COMMAND', 'MESOS_HTTP', 'MESOS_HTTPS', 'MESOS_TCP']),
    path: path.optional(),
    gracePeriodSeconds: count,
    intervalSeconds: count,
    timeoutSeconds: count,
    maxConsecutiveFailures: count,
    port: port.optional(),
    portIndex: count.optional(),
  })
  .refine((one) => one.port === undefined || one.portIndex === undefined, 'port or portIndex')

export const marathonApp = z.strictObject({
  id: path.regex(/^(?:\/[a-z0-9-]+)+$/),
  instances: count,
  cpus: z.number().positive(),
  mem: z.number().min(32),
  disk: z.number().min(0),
  labels: z.record(z.string(), z.string()),
  args: z.array(z.string()),
  container,
  env: z.record(z.string(), z.union([z.string(), z.strictObject({ secret: z.string() })])),
  secrets: z.record(z.string(), z.strictObject({ source: z.string() })).optional(),
  user: z.string().optional(),
  taskKillGracePeriodSeconds: count,
  upgradeStrategy: z.strictObject({ minimumHealthCapacity: share, maximumOverCapacity: share }),
  networks: z.array(z.strictObject({ mode: z.enum(['host', 'container', 'container/bridge']) })),
  portDefinitions: z.array(z.strictObject({ port, protocol, name })).optional(),
  requirePorts: z.boolean().optional(),
  constraints: z
    .array(
      z.tuple(
        [z.string(), z.enum(['UNIQUE', 'CLUSTER', 'GROUP_BY', 'LIKE', 'UNLIKE', 'MAX_PER', 'IS'])],
        z.string(),
      ),
    )
    .optional(),
  healthChecks: z.array(healthCheck).optional(),
})
