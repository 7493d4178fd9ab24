import type { FastifyInstance } from 'fastify'
import { hostAndPort, servesMetrics } from '../../pipeline/serves-metrics.ts'
import type { ServiceState, TaskState } from '../../pipeline/service-state.ts'
import { withoutUndefined } from '../../pipeline/without-undefined.ts'
import type { Answers, CatalogService, TargetGroup } from '../api.ts'
import { readParams, refusal } from '../params.ts'
import type { Context } from '../server.ts'

/**
 * For others: the services and their tasks as Marathon tells them, and the same as targets of Prometheus' HTTP service
 * discovery (https://prometheus.io/docs/prometheus/latest/http_sd/).
 */
export function discoveryRoutes(app: FastifyInstance, context: Context): void {
  const { clock, services } = context

  async function asked(query: unknown): Promise<ServiceState[]> {
    const params = readParams(query, ['service'], clock.now())
    const names = params.list('service')
    const only = names.length > 0 ? (await services.resolve(names)).services : undefined
    const told = toldOf(context).filter(({ service }) => only?.includes(service) ?? true)
    return told.toSorted((a, b) => (a.service < b.service ? -1 : 1))
  }

  app.get('/api/catalog', async (request): Promise<Answers['/api/catalog']> => {
    return { services: (await asked(request.query)).map(viewOf) }
  })
  app.get(
    '/api/prometheus/targets',
    async (request): Promise<Answers['/api/prometheus/targets']> => {
      return (await asked(request.query)).flatMap(targetsOf)
    },
  )
}

/** 503 before each Marathon was read once: who asks shall keep what it has. */
function toldOf({ serviceFacts, marathons }: Context): ServiceState[] {
  const all = marathons?.() ?? []
  const isRead = all.length > 0 && all.every(({ atMs }) => atMs !== undefined)
  if (serviceFacts && isRead) return serviceFacts()
  const remedy = 'set collectors.marathon, or see Health: why it cannot be read'
  throw refusal(503, 'Marathon has not been read yet', remedy)
}

function viewOf(state: ServiceState): CatalogService {
  const { service, kind, owner, runbook, version, image, labels, tasks, deployments, atMs } = state
  const { instances: wanted, staged, running, healthy, unhealthy } = state
  return {
    service,
    kind,
    ...withoutUndefined({ owner, runbook, version, image }),
    labels,
    instances: { wanted, staged, running, healthy, unhealthy, atMs },
    deployments: deployments.map(({ id }) => id),
    tasks,
  }
}

/** One group for each port of each running task, as Prometheus' own discovery of Marathon has them. */
function targetsOf(state: ServiceState): TargetGroup[] {
  const common = serviceLabels(state)
  const metrics = servesMetrics(state.labels)
  return state.tasks.flatMap((task) => {
    if (task.state !== 'TASK_RUNNING' || task.agent === undefined) return []
    const { agent, ports = [] } = task
    return ports.flatMap((port, index): TargetGroup[] => {
      const target = hostAndPort(agent, port)
      if (target === undefined) return []
      const serves = metrics?.port === index ? metrics : undefined
      const labels = {
        ...common,
        ...taskLabels(task, agent),
        ...meta({ port_index: String(index), metrics: String(serves !== undefined) }),
        ...(serves && { __metrics_path__: serves.path }),
      }
      return [{ targets: [target], labels }]
    })
  })
}

function serviceLabels({ service, kind, owner, runbook, image, labels }: ServiceState) {
  const own = Object.entries(labels).map(([name, value]) => [`label_${name}`, value] as const)
  return meta({ ...Object.fromEntries(own), service, kind, owner, runbook, image })
}

function taskLabels({ id, version, healthy }: TaskState, agent: string) {
  const health = healthy === undefined ? undefined : String(healthy)
  return meta({ task: id, agent, version, healthy: health })
}

/** Names as Prometheus allows them; what is not known is left out. */
function meta(parts: Record<string, string | undefined>): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [name, value] of Object.entries(parts)) {
    if (value !== undefined) labels[`__meta_mesoscope_${name.replace(/\W/g, '_')}`] = value
  }
  return labels
}
