import type { CurrentAlert } from '../alerting/index.ts'
import { ruleFacts } from './alerts.ts'
import type { Answers, Dashboards, DashboardsOptions } from '../dashboards/api.ts'
import { openDashboards, openStatus } from '../dashboards/server.ts'
import { tailBus } from '../dashboards/tail.ts'
import type { ScalingStatus } from '../pipeline/decision.ts'
import { healthOf } from '../pipeline/health.ts'
import { parseFilter } from '../alerting/stages/filter.ts'
import { coveringRules } from '../pipeline/covers.ts'
import type { NotificationDesk } from '../pipeline/notification-desk.ts'
import type { ScalingDesk } from '../pipeline/scaling-desk.ts'
import { followPostures } from '../pipeline/posture-view.ts'
import { followProcesses } from '../pipeline/presence.ts'
import { openRedrive } from '../processors/redrive.ts'
import { resolve, type Catalog } from '../processors/resolve.ts'
import { openBacktesting } from './backtest.ts'
import type { Base, BaseWithStore } from './base.ts'
import { openSimulating } from './simulate.ts'

/** What only the demo has. */
export type Extras = Pick<DashboardsOptions, 'mails' | 'faults'>

/** What other parts of the process, or their views, know. */
interface Shown {
  alerts: () => CurrentAlert[]
  rules: () => Answers['/api/rules']
  desk: NotificationDesk
  scaling: () => ScalingStatus[]
  scalingDesk: ScalingDesk
  /** Of a process that resolves identities; without, a live line has what its collector knew. */
  catalog: Catalog | undefined
}

/** The HTTP API and the page; returns their address. */
export async function openSurfaces(
  base: BaseWithStore,
  { alerts, rules: ruleViews, desk, scaling, scalingDesk, catalog }: Shown,
  extras: Extras,
): Promise<string> {
  const { settings, signals, bus, store, services, clock, components, stack } = base
  const processes = await base.patiently(() => followProcesses({ bus, clock }))
  stack.defer(() => processes.close())
  const postures = await base.patiently(() => followPostures(bus))
  stack.defer(() => postures.close())
  components.push({ name: 'postures view', trouble: postures.trouble })
  let known = { alerts: settings.alerts, rules: ruleFacts(base) }
  /** Compiled anew when they were read again. */
  const rules = () => {
    if (known.alerts !== settings.alerts)
      known = { alerts: settings.alerts, rules: ruleFacts(base) }
    return known.rules
  }
  const dashboards = await openDashboards({
    ...statusOptions(base),
    processes: processes.all,
    store,
    tail: (filter, onLines, signal) =>
      tailBus(bus, filter, onLines, signal, catalog && ((record) => resolve(record, catalog))),
    alerts,
    rules: ruleViews,
    desk,
    parseMatcher: parseFilter,
    signals,
    serviceFacts: services.all,
    marathons: services.marathon,
    postures,
    covering: (service) => coveringRules(rules(), signals, service),
    retentionClasses: Object.keys(settings.store.retention_classes),
    scaling,
    scalingDesk,
    redrive: openRedrive(base),
    backtest: openBacktesting(base, catalog),
    simulate: openSimulating(base),
    ...extras,
  })
  stack.defer(() => dashboards.close())
  return dashboards.url
}

/** Health and metrics alone: of a process without a page, and before the page can be opened. */
export async function openStatusSurface(base: StatusBase): Promise<Dashboards> {
  const status = await openStatus(statusOptions(base))
  base.stack.defer(() => status.close())
  return status
}

type StatusBase = Pick<Base, 'settings' | 'components' | 'metrics' | 'clock' | 'log' | 'stack'>

function statusOptions({ settings, components, metrics, clock, log }: StatusBase) {
  const { host, port, token, public_url: publicUrl } = settings.listen
  return {
    health: () => healthOf(components),
    metrics,
    clock,
    log,
    listen: { host, port },
    ...(token ? { token: token.reveal() } : {}),
    ...(publicUrl ? { publicUrl } : {}),
  }
}
