import { hostname } from 'node:os'
import stringify from 'fast-json-stable-stringify'
import type { Role, Running, StartOptions } from '../cli/parts.ts'
import { declaredSignals } from '../config/declared.ts'
import type { BadRule } from '../config/set-aside.ts'
import type { Settings } from '../config/settings.ts'
import { wallClock, type Clock } from '../pipeline/clock.ts'
import { openGate } from '../pipeline/gate.ts'
import { healthOf, type Component } from '../pipeline/health.ts'
import { announce } from '../pipeline/presence.ts'
import { openLog } from '../pipeline/log.ts'
import { openMetrics } from '../pipeline/metrics.ts'
import {
  directoryId,
  ownDirectory,
  removeProcessFile,
  writeProcessFile,
} from '../pipeline/owner.ts'
import type { SignalDeclarations } from '../pipeline/signals.ts'
import type { Store } from '../pipeline/store/store.ts'
import { openServices } from '../processors/services.ts'
import { readStages } from '../alerting/stages/read.ts'
import { openAlerts, openAlertsView } from './alerts.ts'
import type { Base } from './base.ts'
import { openCollecting } from './collecting.ts'
import { openBus, openStore, openWay, patiently, type Patience } from './backends.ts'
import { emptyDirectory } from './files.ts'
import { directNames } from './notifying.ts'
import { openProcessing } from './processing.ts'
import { reloadedSections } from './reload.ts'
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
  const has = (role: (typeof options.roles)[number]) => options.roles.includes(role)
  const parts = { settings, clock, metrics, log, components, stack }
  const waiting = openWaiting(components, vital(options.roles))
  const failed = new AbortController()
  const signal = AbortSignal.any([failed.signal, ...(options.stopping ? [options.stopping] : [])])
  const patience = { log, tell: waiting.tell, signal }
  const isRemote = settings.bus.kafka !== undefined || settings.store.elasticsearch !== undefined
  // Whoever looks after the process asks how it is, also while it waits for servers.
  const early = isRemote || !has('dashboards') ? await openStatusSurface(parts) : undefined
  const withBus = <T>(open: () => Promise<T>) =>
    patiently('bus', open, { ...patience, isRemote: settings.bus.kafka !== undefined })
  const way = openWay(
    withBus(() => openBus(settings, { clock, log })),
    waiting.trouble,
  )
  stack.defer(() => {
    failed.abort()
    return way.close()
  })
  // What a short-lived container prints is gone before a Kafka that is away comes back.
  const isAhead = has('collector') && settings.bus.kafka !== undefined
  if (isAhead) await openCollecting({ ...parts, bus: way })
  const bus = await way.opened
  const services = await withBus(() => openServices({ bus, metrics, log }))
  stack.defer(() => services.close())
  components.push({ name: 'services', trouble: services.trouble })

  const base: Base = {
    ...parts,
    signals: declaredSignals(settings),
    bus,
    services,
    patiently: withBus,
  }
  let url: string | undefined
  const stages = { current: readStages(settings.notifications.config, directNames(settings)) }
  for (const warning of stages.current.config.warnings) log.warn({ warning }, 'of no effect here')
  const withStore = options.roles.some((role) => storing.has(role))
    ? { ...base, store: await openStoreOf(settings, clock, patience, stack) }
    : undefined
  const processing = withStore && has('processor') ? await openProcessing(withStore) : undefined
  const catalog = processing?.catalog
  const alerting =
    withStore && has('alerting')
      ? openAlerts(withStore, { badRules: options.badRules ?? [], stages, catalog }, () => url)
      : undefined
  if (has('collector') && !isAhead) await openCollecting(base)
  const scaling = has('autoscaling') ? openScaling(base) : undefined
  if (withStore && has('dashboards')) {
    // This process may not be the one that evaluates the rules, or scales.
    const view = await openAlertsView(base, stages, () => url)
    const scaled = await openScalingView(base)
    const shown = {
      alerts: () => alerting?.alerts() ?? view.alerts(),
      rules: () => alerting?.rules() ?? view.rules(),
      desk: view.desk,
      scaling: () => scaled.statuses(scaling?.current()),
      scalingDesk: scaled.desk,
    }
    await early?.close()
    url = await openSurfaces(withStore, { ...shown, catalog }, extras)
  }
  /** One after the other: what one closes the next would close again. */
  const inTurn = openGate(1)
  const reload = (changed: Settings, badRules: readonly BadRule[]) =>
    inTurn(() => reloadNow(changed, badRules))

  /** Uses what can be changed without a restart; nothing where it cannot be used. */
  async function reloadNow(changed: Settings, badRules: readonly BadRule[]): Promise<string> {
    const declared = declaredSignals(changed)
    const areOthers = stringify(declared) !== stringify(base.signals)
    const before = { ...base.signals }
    replaceIn(base.signals, declared)
    const told = await reloadRules(changed, badRules).catch((error: unknown) => {
      replaceIn(base.signals, before)
      throw error
    })
    // The rules are used already: from here on there is no way back.
    for (const section of reloadedSections) {
      Object.assign(settings, { [section]: changed[section] })
    }
    if (!areOthers) return told
    await processing?.remeasure()
    await scaling?.reopen()
    return told
  }

  async function reloadRules(changed: Settings, badRules: readonly BadRule[]): Promise<string> {
    return (await alerting?.reload(changed, badRules)) ?? 'signals reloaded'
  }

  waiting.over()
  const present = announce({
    id: directoryId(settings.data),
    host: hostname(),
    roles: options.roles,
    bus,
    health: () => healthOf(components),
    clock,
  })
  stack.defer(() => present.close())
  const token = settings.listen.token?.reveal()
  writeProcessFile(settings.data, {
    pid: process.pid,
    ...(url ? { url } : {}),
    ...(token ? { token } : {}),
  })
  stack.defer(() => removeProcessFile(settings.data))
  log.info(
    { url: url ?? early?.url, data: settings.data, roles: options.roles },
    'mesoscope is running',
  )

  const opened = stack.move()
  return {
    ...(url ? { url } : {}),
    ...(alerting ? { refuseReload: alerting.refuseReload } : {}),
    ...(alerting || processing ? { reload } : {}),
    close: () => opened.disposeAsync(),
  }
}

/** What a start waits for stands among the components until it is there. */
function openWaiting(components: Component[], isVital: boolean) {
  let trouble: string | undefined
  const component = { name: 'start', trouble: () => trouble, vital: isVital }
  components.push(component)
  return {
    tell: (told: string | undefined) => void (trouble = told),
    trouble: () => trouble,
    over: () => void components.splice(components.indexOf(component), 1),
  }
}

/** A collector alone does its work while the bus is away. */
const vital = (roles: readonly Role[]) => roles.some((role) => role !== 'collector')

/** A collector has its spool, and needs no store to be there. */
const storing = new Set<Role>(['processor', 'alerting', 'dashboards'])

async function openStoreOf(
  settings: Settings,
  clock: Clock,
  patience: Omit<Patience, 'isRemote'>,
  stack: AsyncDisposableStack,
): Promise<Store> {
  const isRemote = settings.store.elasticsearch !== undefined
  const open = () => openStore(settings, clock)
  const store = await patiently('store', open, { ...patience, isRemote })
  stack.defer(() => store.close())
  return store
}

/** Many parts have been given this object. */
function replaceIn(signals: SignalDeclarations, declared: SignalDeclarations): void {
  for (const name of Object.keys(signals)) delete signals[name]
  Object.assign(signals, declared)
}
