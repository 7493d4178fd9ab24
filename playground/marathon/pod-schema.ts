import { z } from 'zod'

/** Pods as clients write them, as far as the playground acts on them; see `app-schema.ts`. */

const amount = z.number().min(0)
const labels = z.record(z.string(), z.string())
const environment = z.record(z.string(), z.union([z.string(), z.object({ secret: z.string() })]))

const endpoint = z.object({
  name: z.string().min(1).max(63),
  containerPort: z.int().min(0).max(65_535).optional(),
  hostPort: z.int().min(0).max(65_535).optional(),
  protocol: z.array(z.string()).optional(),
  labels: labels.optional(),
})

const healthCheck = z.object({
  http: z
    .object({
      endpoint: z.string(),
      path: z.string().optional(),
      scheme: z.string().optional(),
    })
    .optional(),
  tcp: z.object({ endpoint: z.string() }).optional(),
  exec: z.object({ command: z.unknown() }).optional(),
  gracePeriodSeconds: amount.optional(),
  intervalSeconds: amount.optional(),
  maxConsecutiveFailures: amount.optional(),
  timeoutSeconds: amount.optional(),
  delaySeconds: amount.optional(),
})

const container = z.object({
  name: z.string().min(1).max(63),
  exec: z
    .object({
      command: z.object({ shell: z.string().optional(), argv: z.array(z.string()).optional() }),
      overrideEntrypoint: z.boolean().optional(),
    })
    .optional(),
  resources: z.object({
    cpus: amount,
    mem: amount,
    disk: amount.optional(),
    gpus: z.int().min(0).optional(),
  }),
  endpoints: z.array(endpoint).optional(),
  image: z
    .object({ kind: z.string(), id: z.string(), forcePull: z.boolean().optional() })
    .optional(),
  environment: environment.optional(),
  user: z.string().optional(),
  healthCheck: healthCheck.optional(),
  volumeMounts: z
    .array(z.object({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() }))
    .optional(),
  labels: labels.optional(),
  lifecycle: z.object({ killGracePeriodSeconds: amount.optional() }).optional(),
})

const scheduling = z.object({
  backoff: z
    .object({
      backoff: amount.optional(),
      backoffFactor: amount.optional(),
      maxLaunchDelay: amount.optional(),
    })
    .optional(),
  upgrade: z
    .object({
      minimumHealthCapacity: z.number().min(0).max(1).optional(),
      maximumOverCapacity: z.number().min(0).max(1).optional(),
    })
    .optional(),
  placement: z
    .object({
      constraints: z
        .array(
          z.object({ fieldName: z.string(), operator: z.string(), value: z.string().optional() }),
        )
        .optional(),
      acceptedResourceRoles: z.array(z.string()).optional(),
    })
    .optional(),
  killSelection: z.enum(['YOUNGEST_FIRST', 'OLDEST_FIRST']).optional(),
  unreachableStrategy: z
    .union([
      z.literal('disabled'),
      z.object({ inactiveAfterSeconds: amount.optional(), expungeAfterSeconds: amount.optional() }),
    ])
    .optional(),
})

export const podSchema = z.object({
  id: z.string(),
  labels: labels.optional(),
  version: z.string().optional(),
  user: z.string().optional(),
  environment: environment.optional(),
  containers: z.array(container).min(1),
  secrets: z.record(z.string(), z.object({ source: z.string() })).optional(),
  volumes: z.array(z.object({ name: z.string(), host: z.string().optional() })).optional(),
  networks: z
    .array(
      z.object({
        name: z.string().optional(),
        mode: z.enum(['container', 'container/bridge', 'host']).optional(),
        labels: labels.optional(),
      }),
    )
    .optional(),
  scaling: z.object({ kind: z.literal('fixed'), instances: z.int().min(0).optional() }).optional(),
  scheduling: scheduling.optional(),
  executorResources: z
    .object({ cpus: amount.optional(), mem: amount.optional(), disk: amount.optional() })
    .optional(),
  role: z.string().min(1).optional(),
})

export type PodBody = z.infer<typeof podSchema>

/** A pod in the form that is kept, without its version. */
export type Pod = Omit<PodBody, 'version' | 'scaling' | 'scheduling' | 'executorResources'> & {
  scaling: { kind: 'fixed'; instances: number }
  scheduling: {
    backoff: { backoff: number; backoffFactor: number; maxLaunchDelay: number }
    upgrade: { minimumHealthCapacity: number; maximumOverCapacity: number }
    placement: {
      constraints?: { fieldName: string; operator: string; value?: string | undefined }[]
      acceptedResourceRoles?: string[]
    }
    killSelection: 'YOUNGEST_FIRST' | 'OLDEST_FIRST'
    unreachableStrategy: 'disabled' | { inactiveAfterSeconds: number; expungeAfterSeconds: number }
  }
  executorResources: { cpus: number; mem: number; disk: number }
  role: string
}
