import { compact, defaultRole } from './normalise-app.ts'
import { isPathId } from './path-id.ts'
import type { Pod, PodBody } from './pod-schema.ts'
import { notValid, type Violation } from './refusal.ts'

/** A pod with its defaults filled in. @throws Refusal (422) */
export function normalisePod(pod: PodBody): Pod {
  const { version: _, ...body } = pod
  checkPod(body)
  return compact({
    ...body,
    containers: body.containers.map((container) => ({
      ...container,
      resources: { disk: 0, gpus: 0, ...container.resources },
    })),
    networks: body.networks?.length ? body.networks : [{ mode: 'host' as const }],
    scaling: { kind: 'fixed' as const, instances: body.scaling?.instances ?? 1 },
    scheduling: normaliseScheduling(body.scheduling ?? {}),
    executorResources: { cpus: 0.1, mem: 32, disk: 10, ...body.executorResources },
    role: body.role ?? defaultRole,
  })
}

function normaliseScheduling(scheduling: NonNullable<PodBody['scheduling']>): Pod['scheduling'] {
  const unreachable = scheduling.unreachableStrategy
  return {
    backoff: { backoff: 1, backoffFactor: 1.15, maxLaunchDelay: 300, ...scheduling.backoff },
    upgrade: { minimumHealthCapacity: 1, maximumOverCapacity: 1, ...scheduling.upgrade },
    placement: compact({ ...scheduling.placement }),
    killSelection: scheduling.killSelection ?? 'YOUNGEST_FIRST',
    unreachableStrategy:
      unreachable === 'disabled'
        ? 'disabled'
        : { inactiveAfterSeconds: 0, expungeAfterSeconds: 0, ...unreachable },
  }
}

function checkPod({ id, containers }: PodBody): void {
  const names = containers.map(({ name }) => name)
  const violations: Violation[] = []
  if (!isPathId(id) || id === '/') violations.push({ path: '/id', errors: ['must be a path'] })
  if (new Set(names).size < names.length) {
    violations.push({ path: '/containers', errors: ['container names are unique'] })
  }
  if (violations.length > 0) throw notValid(violations)
}
