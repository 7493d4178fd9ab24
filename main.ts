import { existsSync, readFileSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openAlerting, type Alerting } from './alerting/index.ts'
import { buildCli } from './cli/index.ts'
import type { DemoOptions, Running, StartOptions } from './cli/parts.ts'
import { openCollectors } from './collectors/index.ts'
import { openShipper } from './collectors/ship.ts'
import type { Collector } from './collectors/sink.ts'
import { openSpool } from './collectors/spool.ts'
import { loadSettings } from './config/load.ts'
import type { Settings } from './config/settings.ts'
import type { DashboardsOptions } from './dashboards/api.ts'
import { openDashboards } from './dashboards/server.ts'
import { tailBus } from './dashboards/tail.ts'
import type { Bus } from './pipeline/bus/bus.ts'
import { openEmbeddedBus } from './pipeline/bus/embedded.ts'
import { pause, wallClock, type Clock } from './pipeline/clock.ts'
import { Trouble } from './pipeline/errors.ts'
import type { ChangeDoc } from './pipeline/event.ts'
import { healthOf, type Component } from './pipeline/health.ts'
import { openLog, type Logger } from './pipeline/log.ts'
import { openMetrics, type Metrics } from './pipeline/metrics.ts'
import { directoryId, ownDirectory, removeProcessFile, writeProcessFile } from './pipeline/owner.ts'
import { openSqliteStore, openSqliteStoreForReading } from './pipeline/store/sqlite.ts'
import type { Store } from './pipeline/store/store.ts'
import { startPlayground, type Playground } from './playground/demo.ts'
import { openDocIndexer } from './processors/index-docs.ts'
import { openIndexer } from './processors/index-lines.ts'
import { openMeasurer } from './processors/measure.ts'
import { openCatalog } from './processors/resolve.ts'
import { openRetention } from './processors/retain.ts'

/*
 * Opens everything in order and closes it in reverse. The only file that imports every room: rooms are given
 * functions of one another here.
 */

/** What every part is given. */
interface Base {
  settings: Settings
  bus: Bus
  store: Store
  clock: Clock
  metrics: Metrics
  log: Logger
  /** Parts in the order in which they were opened; each tells its own trouble. */
  components: Component[]
  stack: AsyncDisposableStack
}

type Extras = Pick<DashboardsOptions, 'mails' | 'faults'>

async function start(
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
  const bus = await openEmbeddedBus({
    dir: join(settings.data, 'bus'),
    clock,
    retentionMs: settings.bus.retention,
    maxBytes: settings.bus.max_bytes,
  })
  stack.defer(() => bus.close())
  const store = openSqliteStore({ dir: storeDirectory(settings.data) })
  stack.defer(() => store.close())

  const base: Base = { settings, bus, store, clock, metrics, log, components, stack }
  const has = (role: (typeof options.roles)[number]) => options.roles.includes(role)
  let url: string | undefined
  if (has('processor')) await openProcessors(base)
  const alerting = has('alerting') ? await openAlerts(base, () => url) : undefined
  if (has('collector')) await openCollecting(base)
  if (has('dashboards')) url = await openSurfaces(base, alerting, extras)
  const token = settings.listen.token?.reveal()
  writeProcessFile(settings.data, {
    pid: process.pid,
    ...(url ? { url } : {}),
    ...(token ? { token } : {}),
  })
  stack.defer(() => removeProcessFile(settings.data))
  log.info({ url, data: settings.data }, 'mesoscope is running')

  const opened = stack.move()
  return { ...(url ? { url } : {}), close: () => opened.disposeAsync() }
}

async function openProcessors({
  settings,
  bus,
  store,
  clock,
  metrics,
  log,
  components,
  stack,
}: Base): Promise<void> {
  const catalog = await openCatalog({ bus, store, patienceMs: 2000 })
  stack.defer(() => catalog.close())
  const indexer = openIndexer({ bus, store, catalog, clock, metrics, log })
  stack.defer(() => indexer.close())
  const docs = openDocIndexer({ bus, store, metrics, log })
  stack.defer(() => docs.close())
  const measurer = openMeasurer({
    bus,
    catalog,
    signals: Object.fromEntries(
      Object.entries(settings.signals).map(([name, { from, where, by }]) => [
        name,
        { from, where: where ?? '', by },
      ]),
    ),
    resolutionMs: settings.evaluation.resolution,
    rememberMs: settings.bus.retention,
    metrics,
    log,
  })
  stack.defer(() => measurer.close())
  const retention = openRetention({ store, retentionMs: settings.store.retention, clock, log })
  stack.defer(() => retention.close())
  components.push(
    {
      name: 'index',
      trouble: () => indexer.trouble() ?? docs.trouble() ?? catalog.trouble(),
      vital: true,
    },
    {
      name: 'measure',
      trouble: measurer.trouble,
      behindSeconds: () => secondsSince(measurer.watermark(), clock),
    },
    { name: 'retention', trouble: retention.trouble },
  )
}

async function openAlerts(base: Base, url: () => string | undefined): Promise<Alerting> {
  const { settings, bus, store, clock, metrics, log, components, stack } = base
  const { mail } = settings
  const alerting = await openAlerting({
    bus,
    ...alertingSettings(settings),
    ...(mail ? { mail: mailSettings(mail) } : {}),
    intervalMs: settings.evaluation.interval,
    beginAt: clock.now(),
    watchGapMs: 10_000,
    samples: async ({ service, ...query }) =>
      (await store.search({ ...query, ...(service === undefined ? {} : { services: [service] }) }))
        .hits,
    publish: (docs) => bus.produce('changes', docs.map(changeRecord)),
    publicUrl: () => settings.listen.public_url ?? reachable(url()),
    clock,
    metrics,
    log,
  })
  stack.defer(() => alerting.close())
  components.push({
    name: 'alerting',
    trouble: alerting.trouble,
    behindSeconds: () => secondsSince(alerting.through(), clock),
  })
  return alerting
}

function alertingSettings({ signals, alerts }: Settings) {
  return {
    signals: Object.fromEntries(
      Object.entries(signals).map(([name, { from, where, measure, over, by }]) => [
        name,
        { from, where: where ?? '', measure, overMs: over, by },
      ]),
    ),
    rules: alerts.map(({ alert, when, for: forMs, keep_firing_for, labels, annotations }) => ({
      alert,
      when,
      forMs,
      keepFiringForMs: keep_firing_for,
      labels,
      annotations,
    })),
  }
}

function mailSettings({
  host,
  port,
  secure,
  user,
  password,
  from,
  to,
  domain,
}: NonNullable<Settings['mail']>) {
  return {
    host,
    port,
    secure,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    from,
    to,
    domain: domain ?? from.slice(from.indexOf('@') + 1),
  }
}

/** For links in mails: nobody can go to `http://0.0.0.0`. */
function reachable(url: string | undefined): string | undefined {
  return url?.replace(/^http:\/\/(0\.0\.0\.0|\[::\])/, `http://${hostname()}`)
}

function changeRecord(doc: ChangeDoc) {
  const service = doc['service.name']
  return {
    key: typeof service === 'string' ? service : '',
    value: Buffer.from(JSON.stringify(doc)),
  }
}

async function openCollecting({
  settings,
  bus,
  clock,
  metrics,
  log,
  components,
  stack,
}: Base): Promise<void> {
  const spool = await openSpool({
    dir: join(settings.data, 'spool'),
    maxBytes: settings.spool.max_bytes,
    whenFull: settings.spool.when_full,
    clock,
    metrics,
    log,
  })
  stack.defer(() => spool.close())
  const collectors: Collector[] = []
  const shipper = openShipper({
    name: directoryId(settings.data),
    spool,
    bus,
    collectors,
    markEveryMs: Math.min(1000, settings.evaluation.resolution / 2),
    clock,
    metrics,
    log,
  })
  stack.defer(() => shipper.close())
  components.push(
    { name: 'spool', trouble: spool.trouble, vital: true },
    { name: 'shipping', trouble: shipper.trouble, vital: true },
  )
  const context = { cluster: settings.cluster, sink: spool, clock, metrics, log }
  for (const collector of await openCollectors(settings.collectors, context)) {
    collectors.push(collector)
    stack.defer(() => collector.close())
    components.push({
      name: `collector ${collector.name}`,
      trouble: () => collector.trouble(),
      behindSeconds: () => secondsSince(collector.through(), clock),
    })
  }
  // Closed first: from now on what a collector still holds goes beyond the bound of a full spool, and nobody waits.
  stack.defer(() => spool.finish())
}

async function openSurfaces(
  base: Base,
  alerting: Alerting | undefined,
  extras: Extras,
): Promise<string> {
  const { settings, bus, store, clock, metrics, log, components, stack } = base
  const { host, port, token, public_url: publicUrl } = settings.listen
  const dashboards = await openDashboards({
    store,
    tail: (filter, onLines, signal) => tailBus(bus, filter, onLines, signal),
    health: () => healthOf(components),
    metrics,
    alerts: () => alerting?.alerts() ?? [],
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

async function startDemo({ data, port, fresh, say }: DemoOptions): Promise<Running> {
  await using stack = new AsyncDisposableStack()
  // Before anything in the directory is touched: another demo may be running on it.
  const owner = ownDirectory(data)
  if (fresh) emptyDirectory(data)
  const log = openLog('warn')
  const playground = await startPlayground({ dir: join(data, 'demo'), clock: wallClock, log })
  stack.defer(() => playground.close())
  const { settings } = loadSettings(packageFile('config/demo.yaml'), process.env, {
    data,
    listen: { port },
    collectors: { docker: [{ root: playground.containersRoot }] },
    mail: { host: playground.mailCatcher.host, port: playground.mailCatcher.port },
  })
  const options = {
    roles: ['collector', 'processor', 'alerting', 'dashboards'],
    fresh: false,
  } as const
  const running = await start(settings, options, demoExtras(playground), owner)
  stack.defer(() => running.close())
  const stop = new AbortController()
  stack.defer(() => stop.abort())
  introduce(running.url ?? '', data, playground, say)
  void tellMails(playground, say, stop.signal)

  const opened = stack.move()
  return { ...running, close: () => opened.disposeAsync() }
}

function demoExtras(playground: Playground): Extras {
  return {
    mails: () => playground.mails().map(({ to, ...mail }) => ({ ...mail, to: to.join(', ') })),
    faults: {
      list: () =>
        playground.faults().map(({ name, description }) => ({ name, sentence: description })),
      apply: (name) => playground.apply(name),
    },
  }
}

function introduce(
  url: string,
  data: string,
  playground: Playground,
  say: (line: string) => void,
): void {
  const services = [...Map.groupBy(playground.tasks(), ({ service }) => service)]
  say('Mesoscope runs on sample services: real processes, their output as Docker writes it.')
  say('')
  say(`  page      ${url}`)
  say(
    `  services  ${services.map(([service, tasks]) => `${service} (${tasks.length})`).join(', ')}`,
  )
  say('  read      npx mesoscope logs web -n 20       all instances; -f follows')
  say('  break it  npx mesoscope demo fault errors    an alert mail follows within half a minute')
  say(`  stop      Ctrl-C; ${data} keeps the state, --fresh empties it`)
  say('')
}

/** Each mail that the demo's catcher gets, one line. */
async function tellMails(
  playground: Playground,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let told = playground.mails().length
  while (!signal.aborted) {
    await pause(500, signal)
    const mails = playground.mails()
    for (const mail of mails.slice(told)) say(`  mail      ${mail.subject}`)
    told = mails.length
  }
}

/** Undefined for what has not come to any time yet (0, or no number). */
function secondsSince(ms: number | undefined, clock: Clock): number | undefined {
  if (ms === undefined || ms <= 0 || !Number.isFinite(ms)) return undefined
  return Math.max(0, clock.now() - ms) / 1000
}

const storeDirectory = (data: string) => join(data, 'store')

/** What is not of our making stays: somebody may have named a directory that holds more. */
function emptyDirectory(dir: string): void {
  for (const name of ['bus', 'store', 'spool', 'demo']) {
    rmSync(join(dir, name), { recursive: true, force: true })
  }
}

/** A file that is shipped with the program, beside us in a checkout, above us where we are compiled. */
function packageFile(path: string): string {
  const here = fileURLToPath(new URL(path, import.meta.url))
  return existsSync(here) ? here : fileURLToPath(new URL(`../${path}`, import.meta.url))
}

async function openStoreReadOnly(data: string) {
  const dir = storeDirectory(data)
  if (!existsSync(dir))
    throw new Trouble(`there is no store in ${data}`, { remedy: 'start mesoscope on it first' })
  return openSqliteStoreForReading({ dir })
}

// Logs are nobody else's business: what we write is for this user alone.
process.umask(0o077)
const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
  version: string
}

await buildCli({ version, start, startDemo, openStoreReadOnly }).parseAsync()
