import type { Role, Running, StartOptions } from '../cli/parts.ts'
import { measuredSignals } from '../config/builtin-signals.ts'
import type { Settings } from '../config/settings.ts'
import { wallClock, type Clock } from '../pipeline/clock.ts'
import type { Component } from '../pipeline/health.ts'
import { openLog, type Logger } from '../pipeline/log.ts'
import { unitOf } from '../pipeline/metric-names.ts'
import { openMetrics } from '../pipeline/metrics.ts'
import { ownDirectory, removeProcessFile, writeProcessFile } from '../pipeline/owner.ts'
import type { SignalDeclarations } from '../pipeline/signals.ts'
import type { Store } from '../pipeline/store/store.ts'
import { openServices } from '../processors/services.ts'
import { openAlerts, openAlertsView } from './alerts.ts'
import type { Base } from './base.ts'
import { openCollecting } from './collecting.ts'
import { openBus, openStore, patiently } from './backends.ts'
import { emptyDirectory } from './files.ts'
import { openProcessing } from './processing.ts'
import { openScaling, openScalingView } from './scaling.ts'
import { openStatusSurface, openSurfaces, type Extras } from './surfaces.ts'

/** Opens everything in order; closing goes in reverse. */
export async function start(
  settings: Settings,
  options: StartOptions,
  extras: Extras = {},
  owner = ownDirectory(settings.data),
): Promise<Running> {
  const clock = wallClock
  const log = openLog(settings.log_level)
  const metrics = openMetrics()
  const components: Component[] = []
  await using stack = new AsyncDisposableStack()

  stack.defer(() => owner.release())
  if (options.fresh) emptyDirectory(settings.data)
  const waiting = { log, ...(options.stopping ? { signal: options.stopping } : {}) }
  const withBus = <T>(open: () => Promise<T>) =>
    patiently('bus', open, { ...waiting, isRemote: settings.bus.kafka !== undefined })
  const bus = await withBus(() => openBus(settings, { clock, log }))
  stack.defer(() => bus.close())
  const services = await withBus(() => openServices({ bus, metrics, log }))
  stack.defer(() => services.close())
  components.push({ name: 'services', trouble: services.trouble })

  const signals = signalsOf(settings)
  const base: Base = {
    settings,
    signals,
    bus,
    services,
    clock,
    metrics,
    log,
    components,
    patiently: withBus,
    stack,
  }
  const has = (role: (typeof options.roles)[number]) => options.roles.includes(role)
  let url: string | undefined
  const withStore = options.roles.some((role) => storing.has(role))
    ? { ...base, store: await openStoreOf(settings, clock, waiting, stack) }
    : undefined
  if (withStore && has('processor')) await openProcessing(withStore)
  const alerting = withStore && has('alerting') ? openAlerts(withStore, () => url) : undefined
  if (has('collector')) await openCollecting(base)
  const scaling = has('autoscaling') ? openScaling(base) : undefined
  if (withStore && has('dashboards')) {
    // This process may not be the one that evaluates the rules, or scales.
    const [alerts, standings] = [await openAlertsView(base, () => url), await openScalingView(base)]
    const shown = {
      alerts: () => alerting?.alerts() ?? alerts(),
      scaling: () => scaling?.current() ?? standings(),
    }
    url = await openSurfaces(withStore, shown, extras)
  }
  // Whoever looks after a process without a page asks how it is, too.
  const status = url ?? (await openStatusSurface(base))
  const token = settings.listen.token?.reveal()
  writeProcessFile(settings.data, {
    pid: process.pid,
    ...(url ? { url } : {}),
    ...(token ? { token } : {}),
  })
  stack.defer(() => removeProcessFile(settings.data))
  log.info({ url: status, data: settings.data, roles: options.roles }, 'mesoscope is running')

  const opened = stack.move()
  return { ...(url ? { url } : {}), close: () => opened.disposeAsync() }
}

/** A collector has its spool, and needs no store to be there. */
const storing = new Set<Role>(['processor', 'alerting', 'dashboards'])

async function openStoreOf(
  settings: Settings,
  clock: Clock,
  waiting: { log: Logger; signal?: AbortSignal },
  stack: AsyncDisposableStack,
): Promise<Store> {
  const isRemote = settings.store.elasticsearch !== undefined
  const open = () => openStore(settings, clock)
  const store = await patiently('store', open, { ...waiting, isRemote })
  stack.defer(() => store.close())
  return store
}

function signalsOf(settings: Settings): SignalDeclarations {
  return Object.fromEntries(
    Object.entries(measuredSignals(settings)).map(([name, { over, metric, ...signal }]) => [
      name,
      { ...signal, overMs: over, ...(metric === undefined ? {} : measuredAs(metric)) },
    ]),
  )
}

function measuredAs(metric: string): { metric: string; unit?: string } {
  const unit = unitOf(metric)
  return { metric, ...(unit === undefined ? {} : { unit }) }
}
