import { z } from 'zod'
import { retentionName } from '../pipeline/store/retention.ts'
import {
  checkedText,
  duration,
  flag,
  oneOf,
  pattern,
  positiveNumber,
  secret,
  size,
  text,
  url,
  wholeNumber,
} from './kinds.ts'

const second = 1000

const retentionClass = () =>
  checkedText('name', 'the name of a retention class', (value) => retentionName.test(value))

const dockerCollector = z.strictObject({
  root: text('a directory')
    .optional()
    .describe("Docker's `containers` directory; its json-file logs are read from disk."),
  socket: text('the path of a socket')
    .optional()
    .describe("Docker's socket: names, labels and lifecycle, and the logs of other log drivers."),
  service: text()
    .optional()
    .describe('Service of all these containers; absent: by label, environment or name of each.'),
  stats: flag()
    .prefault(true)
    .describe('With a socket: measure CPU, memory, network and processes of the containers.'),
  opt_in: flag()
    .prefault(false)
    .describe(
      'Read only the logs of containers whose label `mesoscope.logs` is `true`; else all but those where it is `false`.',
    ),
})

/** How to reach Mesos or Marathon. */
const connection = {
  user: text().optional().describe('User to log in as (HTTP Basic).'),
  password: secret().optional().describe('Password of that user.'),
  token: secret().optional().describe('Token to send instead of a user.'),
  token_scheme: oneOf(['bearer', 'token'])
    .prefault('bearer')
    .describe('How the token is sent: `Bearer …`, or `token=…` as DC/OS wants it.'),
  ca: text('the path of a file')
    .optional()
    .describe('Certificates to trust (PEM); absent: those of Node.'),
  cert: text('the path of a file').optional().describe('Client certificate (PEM).'),
  key: text('the path of a file').optional().describe('Its private key (PEM).'),
}

const addresses = (of: string) =>
  z.array(url()).min(1).describe(`Addresses of ${of}; the leader is found among them.`)

const mesosMasterCollector = z.strictObject({
  urls: addresses('the masters'),
  agents: flag()
    .prefault(true)
    .describe('Also ask each agent that the master lists (`/containers`, `/metrics/snapshot`).'),
  ...connection,
})

const mesosAgentCollector = z.strictObject({
  url: url().describe('Address of an agent.'),
  sandboxes: flag()
    .prefault(false)
    .describe(
      'Also read what its tasks print, from their sandboxes by way of the agent (`/files/read`): where no collector runs on its machine. Where one does, `mesos_sandbox` is faster, and misses less of what is rotated fast.',
    ),
  ...connection,
})

const mesosSandboxCollector = z.strictObject({
  work_dir: text('a directory').describe(
    "The agent's `--work_dir`, e.g. /var/lib/mesos: what tasks print is in the sandboxes below it.",
  ),
})

const marathonCollector = z.strictObject({
  urls: addresses('the Marathon instances'),
  ...connection,
})

const consulCollector = z.strictObject({
  urls: addresses('Consul agents or servers'),
  ...connection,
})

const filesCollector = z.strictObject({
  paths: z
    .array(text('a path, * and ? stand for parts of a name'))
    .min(1)
    .describe('Files to follow; `*` and `?` stand for parts of a name.'),
  service: text().prefault('host').describe('Service these files belong to.'),
  retention: retentionClass()
    .optional()
    .describe('Which of `store.retention_classes` their lines are kept by; absent: `default`.'),
})

const syslogCollector = z.strictObject({
  host: text('an address')
    .prefault('127.0.0.1')
    .describe(
      'Address to listen on: whoever reaches it can write lines. `0.0.0.0` for all of this machine.',
    ),
  port: wholeNumber(0, 65_535).prefault(5514).describe('Port of both protocols.'),
  protocols: z
    .array(oneOf(['tcp', 'udp']))
    .min(1)
    .prefault(['tcp', 'udp'])
    .describe('TCP senders wait while nothing can be taken; what UDP loses is counted.'),
  cert: text('the path of a file')
    .optional()
    .describe('Certificate (PEM): with it and `key` TCP is TLS (RFC 5425, usually port 6514).'),
  key: text('the path of a file').optional().describe('Its private key (PEM).'),
  ca: text('the path of a file')
    .optional()
    .describe('Take only senders that show a certificate signed by one of these (PEM).'),
  service: text()
    .prefault('host')
    .describe('Service of all that comes; its hosts are `agent`, its programs `task`.'),
  retention: retentionClass()
    .optional()
    .describe('Which of `store.retention_classes` it is kept by; absent: `default`.'),
})

const prometheusCollector = z.strictObject({
  urls: z
    .array(url())
    .prefault([])
    .describe('Expositions to scrape: `http://node-1:9100/metrics`; without a path `/metrics`.'),
  marathon: flag()
    .prefault(false)
    .describe(
      'Also scrape the tasks of apps that ask for it by the label `mesoscope.metrics`; needs `collectors.marathon`.',
    ),
  service: text()
    .prefault('host')
    .describe('Service of `urls`; of a cAdvisor each container tells its own.'),
  retention: retentionClass()
    .optional()
    .describe('Which of `store.retention_classes` it is kept by; absent: `default`.'),
  interval: duration(second).prefault('15s').describe('How often each target is scraped.'),
  max_series: wholeNumber(1, 100_000)
    .prefault(2000)
    .describe('Label sets of one target: what is beyond is left out and told.'),
  ...connection,
})

const check = z.strictObject({
  name: text('the name of a check').describe('Stands in samples and changes as `task`.'),
  command: z
    .array(text('a program or an argument'))
    .min(1)
    .describe(
      'A plug-in of Nagios or any program that ends with 0 (ok) to 3 (unknown), and its arguments; no shell.',
    ),
  interval: duration(second).prefault('1m').describe('How often it runs.'),
  timeout: duration(second).prefault('10s').describe('Then it is killed, and its state unknown.'),
  service: text().prefault('host').describe('Service that it belongs to.'),
  retention: retentionClass()
    .optional()
    .describe('Which of `store.retention_classes` it is kept by; absent: `default`.'),
})

const redact = z.strictObject({
  enabled: flag()
    .prefault(true)
    .describe(
      'Replace passwords, bearer tokens and keys in lines before they are written anywhere.',
    ),
  patterns: z
    .array(pattern())
    .prefault([])
    .describe('More to replace: regular expressions (RE2, linear time).'),
})

/** What is collected. */
export const collectors = z.strictObject({
  docker: z.array(dockerCollector).prefault([]).describe('Docker hosts to collect from.'),
  files: z.array(filesCollector).prefault([]).describe('Plain log files to collect.'),
  mesos_master: z
    .array(mesosMasterCollector)
    .prefault([])
    .describe('Mesos clusters: tasks, agents, the metrics of master and agents.'),
  mesos_agent: z
    .array(mesosAgentCollector)
    .prefault([])
    .describe('Single Mesos agents, where a collector runs on each of them.'),
  mesos_sandbox: z
    .array(mesosSandboxCollector)
    .prefault([])
    .describe(
      'Logs of tasks that run without Docker, on the agent itself; with `docker` beside it Docker tasks are left to that.',
    ),
  marathon: z
    .array(marathonCollector)
    .prefault([])
    .describe('Marathons: apps, deployments, instances, health.'),
  consul: z
    .array(consulCollector)
    .prefault([])
    .describe('Consuls: health of registered instances, and the names that tasks have there.'),
  syslog: z
    .array(syslogCollector)
    .prefault([])
    .describe('Ports for the syslog of hosts that are not in Mesos.'),
  prometheus: z
    .array(prometheusCollector)
    .prefault([])
    .describe("What serves metrics in Prometheus' text format or as OpenMetrics."),
  checks: z.array(check).prefault([]).describe('Programs to run again and again, as Nagios does.'),
  metrics_interval: duration(second)
    .prefault('5s')
    .describe('How often containers, agents and Marathon are measured.'),
  max_event_bytes: size('1KiB')
    .prefault('256KiB')
    .describe('A longer line is cut into chained chunks of this size.'),
  multiline: flag().prefault(true).describe('Join stack traces to one event.'),
  redact: redact.prefault({}).describe('Secrets in log lines.'),
  limit: z
    .strictObject({
      lines_per_second: positiveNumber()
        .optional()
        .describe(
          'Lines of one service on this machine; absent: as many as come. Its label `mesoscope.lines_per_second` counts more.',
        ),
      burst: duration(100)
        .prefault('10s')
        .describe('For so long a service that was quiet may write more.'),
    })
    .prefault({})
    .describe(
      'Against services that write without end: what is beyond is dropped, counted and told.',
    ),
  canary: z
    .strictObject({
      enabled: flag()
        .prefault(true)
        .describe('Write a line now and then, and measure how long it takes until it is found.'),
      interval: duration(second).prefault('10s').describe('How often.'),
    })
    .prefault({})
    .describe('How long lines take. Its own are of the service `mesoscope/canary`.'),
})
