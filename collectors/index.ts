import type { Clock } from '../pipeline/clock.ts'
import type { ConnectionSettings } from '../pipeline/http-connection.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { openCheck, type CheckOptions } from './check.ts'
import { openCollectedContainers } from './collected-containers.ts'
import { openConsulCollector, type ConsulCollectorOptions } from './consul.ts'
import { openDockerCollector, type DockerCollectorOptions } from './docker.ts'
import { openFilesCollector, type FilesCollectorOptions } from './files.ts'
import { openMarathonCollector, type MarathonCollectorOptions } from './marathon.ts'
import {
  openMesosAgent,
  openMesosFiles,
  openMesosMaster,
  type MesosAgentSettings,
  type MesosMasterSettings,
} from './mesos.ts'
import { openPrometheusCollector, type PrometheusCollectorOptions } from './prometheus.ts'
import { openRedactor, type RedactorOptions } from './redact.ts'
import { openSandboxCollector } from './sandbox.ts'
import { openFoundTargets } from './scrape-targets.ts'
import type { Collector, Sink } from './sink.ts'
import { openSyslogCollector, type SyslogCollectorOptions } from './syslog.ts'

/** Every collector, by its key in the settings. Adding one: a file here, a line here, its settings, its test. */
export const collectors = {
  docker: openDockerCollector,
  files: openFilesCollector,
  mesos_master: openMesosMaster,
  mesos_agent: openMesosAgent,
  mesos_sandbox: openSandboxCollector,
  marathon: openMarathonCollector,
  consul: openConsulCollector,
  syslog: openSyslogCollector,
  prometheus: openPrometheusCollector,
  checks: openCheck,
} as const satisfies Record<string, (options: never) => Promise<Collector>>

/** What the settings say of collectors; keys as in the file. */
export interface CollectorSettings {
  docker: readonly (Pick<DockerCollectorOptions, 'root' | 'socket' | 'service' | 'stats'> & {
    opt_in?: boolean
  })[]
  files: readonly Pick<FilesCollectorOptions, 'paths' | 'service' | 'retention'>[]
  mesos_master: readonly (ConnectionSettings & Pick<MesosMasterSettings, 'urls' | 'agents'>)[]
  mesos_agent: readonly (ConnectionSettings &
    Pick<MesosAgentSettings, 'url'> & { sandboxes?: boolean | undefined })[]
  mesos_sandbox: readonly { work_dir: string }[]
  marathon: readonly (ConnectionSettings & Pick<MarathonCollectorOptions, 'urls'>)[]
  consul: readonly (ConnectionSettings & Pick<ConsulCollectorOptions, 'urls'>)[]
  syslog: readonly Pick<
    SyslogCollectorOptions,
    'host' | 'port' | 'protocols' | 'cert' | 'key' | 'ca' | 'service' | 'retention'
  >[]
  prometheus: readonly (ConnectionSettings &
    Pick<PrometheusCollectorOptions, 'urls' | 'service' | 'retention' | 'interval'> & {
      marathon: boolean
      max_series: number
    })[]
  checks: readonly (Pick<
    CheckOptions,
    'command' | 'interval' | 'timeout' | 'service' | 'retention'
  > & {
    name: string
  })[]
  /** How often what has no stream is asked, ms. */
  metrics_interval: number
  max_event_bytes: number
  multiline: boolean
  redact: RedactorOptions
}

export interface CollectorContext {
  cluster: string
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
}

/**
 * Opens all collectors of the settings. The first of a kind is named as the kind, the next `docker-2` and so on; read
 * positions go by these names, so a new one belongs at the end. Throws a `Trouble` for a redaction pattern, address or
 * certificate that cannot be used, never because something to be read is away.
 */
export function openCollectors(
  settings: CollectorSettings,
  { cluster, sink, clock, metrics, log }: CollectorContext,
): Promise<Collector[]> {
  const redactor = openRedactor(settings.redact)
  const shared = {
    cluster,
    sink,
    clock,
    metrics,
    log,
    redactor: {
      scan: redactor.scan,
      redact(escaped: string) {
        const redacted = redactor.redact(escaped)
        if (redacted !== escaped) metrics.redactions_total.inc()
        return redacted
      },
    },
    maxEventBytes: settings.max_event_bytes,
    multiline: settings.multiline,
  }
  const intervalMs = settings.metrics_interval
  // Mesos tells what a Docker container uses as well: it is measured once, by who is nearer.
  const measured = new Set<string>()
  // What Docker's containers print reaches their sandboxes as well: it is collected once.
  const collected = openCollectedContainers()
  const docker = settings.docker.length > 0 ? collected : undefined
  // Marathon knows which tasks serve metrics.
  const found = openFoundTargets()
  const ownAgents = new Set(settings.mesos_agent.map(({ url }) => new URL(url).host))
  const name = (kind: string, index: number) => (index === 0 ? kind : `${kind}-${index + 1}`)
  return Promise.all([
    ...settings.docker.map(({ opt_in: optIn = false, ...one }, index) =>
      collectors.docker({
        ...shared,
        ...one,
        optIn,
        name: name('docker', index),
        intervalMs,
        measured,
        collected,
      }),
    ),
    ...settings.files.map((one, index) =>
      collectors.files({ ...shared, ...one, name: name('files', index) }),
    ),
    ...settings.mesos_master.map((one, index) =>
      collectors.mesos_master({
        ...shared,
        ...one,
        name: name('mesos-master', index),
        intervalMs,
        measured,
        ownAgents,
      }),
    ),
    ...settings.mesos_agent.map((one, index) =>
      collectors.mesos_agent({
        ...shared,
        ...one,
        name: name('mesos-agent', index),
        intervalMs,
        measured,
      }),
    ),
    ...settings.mesos_agent.flatMap(({ sandboxes, ...one }, index) =>
      sandboxes
        ? [
            openMesosFiles({
              ...shared,
              ...one,
              docker,
              name: name('mesos-agent-sandboxes', index),
            }),
          ]
        : [],
    ),
    ...settings.mesos_sandbox.map(({ work_dir: workDir }, index) =>
      collectors.mesos_sandbox({ ...shared, workDir, docker, name: name('mesos-sandbox', index) }),
    ),
    ...settings.marathon.map((one, index) =>
      collectors.marathon({
        ...shared,
        ...one,
        name: name('marathon', index),
        intervalMs,
        found,
      }),
    ),
    ...settings.consul.map((one, index) =>
      collectors.consul({ ...shared, ...one, name: name('consul', index) }),
    ),
    ...settings.syslog.map((one, index) =>
      collectors.syslog({ ...shared, ...one, name: name('syslog', index) }),
    ),
    ...settings.prometheus.map(({ marathon, max_series: maxSeries, ...one }, index) =>
      collectors.prometheus({
        ...shared,
        ...one,
        maxSeries,
        found: marathon ? found : undefined,
        name: name('prometheus', index),
      }),
    ),
    ...settings.checks.map(({ name: check, ...one }) =>
      collectors.checks({ ...shared, ...one, check }),
    ),
  ])
}
