import type { CurrentAlert } from '../alerting/index.ts'
import type { DashboardsOptions } from '../dashboards/api.ts'
import { openDashboards } from '../dashboards/server.ts'
import { tailBus } from '../dashboards/tail.ts'
import type { ScalingStatus } from '../pipeline/decision.ts'
import { healthOf } from '../pipeline/health.ts'
import type { Base } from './base.ts'

/** What only the demo has. */
export type Extras = Pick<DashboardsOptions, 'mails' | 'faults'>

/** The HTTP API and the page; returns their address. */
export async function openSurfaces(
  base: Base,
  { alerts, scaling }: { alerts: () => CurrentAlert[]; scaling: () => ScalingStatus[] },
  extras: Extras,
): Promise<string> {
  const { settings, signals, bus, store, services, clock, metrics, log, components, stack } = base
  const { host, port, token, public_url: publicUrl } = settings.listen
  const dashboards = await openDashboards({
    store,
    tail: (filter, onLines, signal) => tailBus(bus, filter, onLines, signal),
    health: () => healthOf(components),
    metrics,
    alerts,
    signals,
    serviceFacts: services.all,
    marathons: services.marathon,
    scaling,
    ...extras,
    clock,
    log,
    listen: { host, port },
    ...(token ? { token: token.reveal() } : {}),
    ...(publicUrl ? { publicUrl } : {}),
  })
  stack.defer(() => dashboards.close())
  return dashboards.url
}
