import { z } from 'zod'
import { identityFields, type Identity } from '../pipeline/identity.ts'
import { measures } from '../pipeline/measures.ts'
import { signalSources } from '../pipeline/signals.ts'
import { retentionName } from '../pipeline/store/retention.ts'
import {
  checkedText,
  condition,
  duration,
  expression,
  flag,
  oneOf,
  pattern,
  positiveNumber,
  query,
  secret,
  size,
  text,
  url,
  wholeNumber,
} from './kinds.ts'
import { libraryNames } from './library.ts'

/*
 * Every setting, declared once: kind, default (as it would be written), check, sentence. `config/REFERENCE.md` is
 * generated from here (`npm run docs`). Checks that concern several settings stand in `across.ts`.
 */

/** That tell one thing from another. */
type IdentityPart = Exclude<keyof Identity, 'labels' | 'retention'>
const identityParts = Object.keys(identityFields).filter(
  (part): part is IdentityPart => part !== 'labels' && part !== 'retention',
)

const second = 1000
const day = 86_400_000

const brokerAddress = () =>
  checkedText('address', 'an address like kafka-1.example.org:9092', (value) =>
    /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(value),
  )

const retentionClass = () =>
  checkedText('name', 'the name of a retention class', (value) => retentionName.test(value))

const indexPrefix = () =>
  checkedText('name', 'a name of small letters, digits and _, beginning with a letter', (value) =>
    /^[a-z][a-z0-9_]{0,99}$/.test(value),
  )

const listen = z.strictObject({
  host: text('a host name or address')
    .prefault('127.0.0.1')
    .describe('Address to listen on; other than this machine itself only with `token`.'),
  port: wholeNumber(0, 65_535)
    .prefault(7080)
    .describe('Port of the page, the HTTP API, `/metrics` and `/healthz`; 0 takes a free one.'),
  token: secret()
    .optional()
    .describe('Who asks has to send it (`Authorization: Bearer …`) or log in with it.'),
  public_url: url()
    .optional()
    .describe(
      'Address under which people reach the page, for links in mails; absent: as listened on.',
    ),
})

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

const collectors = z.strictObject({
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

const spool = z.strictObject({
  max_bytes: size('1MiB')
    .prefault('1GiB')
    .describe('Room on disk for lines that the bus has not taken yet.'),
  when_full: oneOf(['block', 'drop_oldest'])
    .prefault('block')
    .describe('Stop reading until there is room, or drop the oldest lines, counted and told.'),
})

const kafka = z.strictObject({
  brokers: z
    .array(brokerAddress())
    .min(1)
    .describe('Brokers to begin with; the others are found through them.'),
  prefix: text('the beginning of a name')
    .prefault('mesoscope.')
    .describe('Topics and consumer groups are named with this before.'),
  replication: wholeNumber(1, 32_767)
    .prefault(3)
    .describe('How many brokers hold each topic; one less may be away.'),
  partitions: z
    .strictObject({
      logs: wholeNumber(1, 1000).prefault(4).describe('Of the topic of log records.'),
      metrics: wholeNumber(1, 1000).prefault(2).describe('Of the topic of samples.'),
    })
    .prefault({})
    .describe('So many processors at most share the work; fixed once the topics are made.'),
  tls: flag().prefault(false).describe('Talk to the brokers over TLS.'),
  ca: text('the path of a file')
    .optional()
    .describe('Certificates to trust (PEM); absent: those of Node.'),
  cert: text('the path of a file').optional().describe('Client certificate (PEM).'),
  key: text('the path of a file').optional().describe('Its private key (PEM).'),
  sasl: oneOf(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('How to log in, with `user` and `password`; absent: not at all.'),
  user: text().optional().describe('User to log in as.'),
  password: secret().optional().describe('Password of that user.'),
})

const bus = z.strictObject({
  kafka: kafka
    .optional()
    .describe('Apache Kafka as the bus, for several processes; absent: a file in `data`, for one.'),
  retention: duration(60 * second)
    .prefault('7d')
    .describe('How long the bus keeps records.'),
  max_bytes: size('1MiB')
    .prefault('10GiB')
    .describe('Room on disk for the bus, where that is a file.'),
})

const elasticsearch = z.strictObject({
  urls: z.array(url()).min(1).describe('Addresses of its nodes.'),
  prefix: indexPrefix()
    .prefault('mesoscope')
    .describe('Indices, aliases and templates are named with this before.'),
  replicas: wholeNumber(0, 10).prefault(1).describe('Copies of each index beside the first.'),
  shards: wholeNumber(1, 100).prefault(1).describe('Primary shards of each index.'),
  mode: oneOf(['standard', 'logsdb'])
    .prefault('standard')
    .describe('How indices are kept: `logsdb` takes less disk and a little more CPU.'),
  user: text().optional().describe('User to log in as (HTTP Basic).'),
  password: secret().optional().describe('Password of that user.'),
  api_key: secret().optional().describe('API key to send instead of a user.'),
  ca: text('the path of a file')
    .optional()
    .describe('Certificates to trust (PEM); absent: those of Node.'),
})

const kept = (what: string) => duration(day).optional().describe(`How long ${what} are kept.`)

const retentionTimes = z.strictObject({
  logs: kept('log lines'),
  metrics: kept('samples'),
  signals: kept('counts of signals'),
  changes: kept('changes'),
  alerts: kept('alerts'),
  decisions: kept('decisions on scaling'),
  dead: kept('dead letters'),
})

const store = z.strictObject({
  elasticsearch: elasticsearch
    .optional()
    .describe('Elasticsearch as the store; absent: files in `data`.'),
  retention: duration(day)
    .prefault('14d')
    .describe('How long what is stored stays; whole days (UTC) are deleted at once.'),
  retention_classes: z
    .record(z.string(), retentionTimes)
    .prefault({})
    .describe(
      'Other times, by the name that services have in their label `mesoscope.retention`; those without one have `default`. What a class does not name is as in `default`, then as in `retention`.',
    ),
})

const signal = z.strictObject({
  from: oneOf(signalSources)
    .prefault('logs')
    .describe('What is measured; `signals`: others, at each evaluation.'),
  metric: text('a name of a metric')
    .optional()
    .describe('With `from: metrics`: which one, e.g. `container.cpu.utilization`.'),
  field: text('a name of a field')
    .optional()
    .describe(
      'Of lines and changes: the field that is measured (`duration_ms`, `bytes`), as queries name it; lines without it, or where it is no number, do not count. With `cardinality` the field whose different values are counted.',
    ),
  counter: flag()
    .optional()
    .describe(
      'The number only grows, until its process starts anew: what it grew by is measured, of each source by itself. With `measure: sum` (growth) or `rate` (growth a second).',
    ),
  value: expression()
    .optional()
    .describe(
      'With `from: signals`: what of others (CEL), e.g. `errors / requests`; they are measured by the same fields. No value where it is no finite number.',
    ),
  where: query()
    .prefault('')
    .describe('Query that chooses the lines, samples or changes; empty: all.'),
  measure: oneOf(measures)
    .optional()
    .describe(
      'Lines (or changes, samples) per second, their number, or (`absent`) 1 while there is none, else 0; of numbers also mean, sum, extremes, the newest value, and percentiles, which are off by at most 1 %; `cardinality`: how many different values (beyond 256 off by 1.6 % as a rule). Absent with `from: signals`: `last`, the value itself; where `by` names less than what it reads: `avg`, `sum`, `min`, `max`, `count` or a percentile of those that become one.',
    ),
  expected: z
    .array(z.partialRecord(z.enum(identityParts as [IdentityPart, ...IdentityPart[]]), text()))
    .optional()
    .describe(
      'With `measure: absent`: who is missed though nobody has heard them yet, each with all that `by` names: `[{ service: /backup }]`. Others are known for a day after they were heard.',
    ),
  over: duration(second)
    .prefault('1m')
    .describe('Length of the window; a multiple of `evaluation.resolution`.'),
  by: z
    .array(oneOf(identityParts))
    .min(1)
    .prefault(['service'])
    .describe('One series for each of these.'),
})

const evaluation = z.strictObject({
  interval: duration(100).prefault('5s').describe('How often the rules are evaluated.'),
  resolution: duration(100)
    .prefault('5s')
    .describe('Width of the buckets in which signals are counted.'),
  flapping: z
    .strictObject({
      low: positiveNumber()
        .prefault(5)
        .describe('Percent of its last 21 states that are changes, at which it is steady again.'),
      high: positiveNumber().prefault(20).describe('Percent from which it flaps.'),
      every: duration(second)
        .prefault('1m')
        .describe('How often a state counts that stays as it is.'),
    })
    .prefault({})
    .describe('When an alert is marked as one that changes too often, as Nagios sees it.'),
})

const scalingPolicy = z.strictObject({
  service: text('the id of an app').describe('The Marathon app to scale.'),
  target: z
    .record(z.string(), positiveNumber())
    .describe('How much of a signal one instance shall have, by the name of the signal.'),
  min: wholeNumber(1, 100_000).prefault(1).describe('Never fewer instances.'),
  max: wholeNumber(1, 100_000).describe('Never more instances.'),
  tolerance: positiveNumber()
    .prefault(0.1)
    .describe('Ratios this close to 1 change nothing (0.1: from 0.9 to 1.1).'),
  stabilization: z
    .strictObject({
      up: duration()
        .prefault('0s')
        .describe('Instances rise to the lowest recommendation of this time.'),
      down: duration()
        .prefault('5m')
        .describe('Instances fall to the highest recommendation of this time.'),
    })
    .prefault({})
    .describe('Against flapping.'),
  dry_run: flag().prefault(false).describe('Only tell what would be done.'),
  resident: flag()
    .prefault(false)
    .describe('Also scale it if it keeps volumes (is stateful); refused otherwise.'),
})

const autoscaling = z.strictObject({
  interval: duration(100).prefault('5s').describe('How often policies are evaluated.'),
  dry_run: flag().prefault(false).describe('Only tell what would be done, for all services.'),
  labels: flag()
    .prefault(true)
    .describe('Also scale apps that ask for it by their labels (`autoscale.enabled: true` …).'),
  services: z.array(scalingPolicy).prefault([]).describe('Policies.'),
})

const texts = (sentence: string) => z.record(z.string(), text()).prefault({}).describe(sentence)

const alert = z.strictObject({
  alert: text('a name').describe('Name of the rule, unique.'),
  when: condition()
    .optional()
    .describe('Condition over signals (CEL); each rule has this, `log` or `watchdog`.'),
  watchdog: flag()
    .optional()
    .describe(
      "It always fires. Who is told of it again and again, and hears nothing any more, knows that the way to them is broken (a dead man's switch).",
    ),
  log: z
    .looseObject({
      type: text('a kind of rule').describe(
        'Kind of a rule on single lines: `any`, `blacklist`, `whitelist`, `change`, `frequency`, `spike`, `flatline`, `new_term`, `cardinality`; on what many of them come to: `metric_aggregation`, `percentage_match`, `spike_aggregation`.',
      ),
      from: oneOf(['logs', 'changes'])
        .prefault('logs')
        .describe('What it looks at; each change once, as it was told first.'),
      where: query().prefault('').describe('Query that chooses its lines; empty: all.'),
      hold: duration()
        .optional()
        .describe(
          'So long a match stays an alert; absent: `timeframe` of the rule, else 5m; of an aggregate as long as it matches.',
        ),
    })
    .optional()
    .describe(
      "A rule on single lines, as ElastAlert has them; beside these keys stand the kind's own parameters by ElastAlert's names (`num_events`, `timeframe: 5m`, `query_key`, `fields`, `realert`, `aggregation` …), durations as everywhere here; `match_bucket_filter` is a query.",
    ),
  for: duration()
    .prefault('0s')
    .describe('How long the condition must hold before the alert fires.'),
  clear_when: condition()
    .optional()
    .describe(
      'Condition that ends an alert which fires (`errors < 2` where `when` is `errors > 5`); absent: as soon as `when` does not hold.',
    ),
  no_data: oneOf(['unknown', 'ok', 'keep', 'alert'])
    .prefault('unknown')
    .describe(
      'What an alert that fires becomes while nothing is measured of it: unknown, over, or as it was. `alert`: whatever was measured once and is no more, without having ended, is an alert itself.',
    ),
  on_error: oneOf(['keep', 'alert'])
    .prefault('keep')
    .describe(
      'What becomes of its alerts when it cannot be evaluated: they are kept as they are; with `alert` that is an alert beside them.',
    ),
  keep_firing_for: duration()
    .prefault('0s')
    .describe('How long the alert stays after the condition was last true.'),
  labels: texts('Labels of the alert, e.g. `severity: page`.'),
  annotations: texts('Texts of the alert, e.g. `summary`, `runbook`; Liquid templates.'),
})

const address = () =>
  checkedText('mail address', 'a mail address like oncall@example.org', (value) =>
    /^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(value),
  )

const mail = z.strictObject({
  host: text('a host name or address').describe('Mail server (SMTP).'),
  port: wholeNumber(1, 65_535).prefault(25).describe('Its port.'),
  secure: flag().prefault(false).describe('TLS from the start; else STARTTLS where offered.'),
  user: text().optional().describe('User to log in as.'),
  password: secret().optional().describe('Password of that user.'),
  from: address().prefault('mesoscope@localhost').describe('Sender.'),
  to: z.array(address()).min(1).prefault(['oncall@localhost']).describe('Receivers.'),
  domain: text('a domain name')
    .optional()
    .describe('Right half of message ids; absent: that of the sender.'),
})

/** Five fields; what is in them the program that uses them knows. */
const isCron = (value: string) => /^(?:[\d*,/-]+\s+){4}[\d*,/-]+$/.test(value.trim())

const nagiosTarget = z.strictObject({
  host: text('a host name or address')
    .optional()
    .describe('Of a daemon `nsca`; this or `command_file`.'),
  port: wholeNumber(1, 65_535).prefault(5667).describe('Its port.'),
  encryption: oneOf(['0', '1', '2', '3', '14'])
    .prefault('1')
    .describe(
      'As `decryption_method` in `nsca.cfg`: none, XOR, DES, 3DES, AES-256 (others are not offered).',
    ),
  password: secret().optional().describe('Password in `nsca.cfg`.'),
  command_file: text('a file')
    .optional()
    .describe('External command file of a Nagios or Icinga on this machine.'),
})

const nagios = z.strictObject({
  to: z.array(nagiosTarget).min(1).describe('Each is told.'),
  host: text('a Liquid text')
    .prefault('mesoscope')
    .describe('The `host_name` there; Liquid over the labels of the alert.'),
  service: text('a Liquid text')
    .prefault('{{ alertname }} {{ service }}')
    .describe('The `service_description` there; Liquid as well.'),
})

const remote = {
  url: url().describe('Its address.'),
  authorization: secret().optional().describe('Value of the header of that name.'),
}

const notifications = z.strictObject({
  config: text('a file')
    .optional()
    .describe(
      "Alertmanager's own configuration file (`route`, `receivers`, `inhibit_rules`, `time_intervals`), relative to the working directory: who is told of what, and when. Absent: each incident is mailed by itself (`mail`).",
    ),
  hosts: z
    .array(text('a host'))
    .prefault([])
    .describe(
      'Hosts that receivers over HTTP may lead to: `hooks.slack.com`, `alerts.internal:8443`.',
    ),
  hold: flag()
    .prefault(true)
    .describe(
      'Alerts of a service are held while a deployment replaces its tasks (for a quarter of an hour at most), and those of tasks whose agent was lost for ten minutes; what goes on then is told. An alert with the label `during_deployment: tell` is never held by a deployment.',
    ),
  nagios: nagios
    .optional()
    .describe('Each incident is also told to Nagios or Icinga, as a passive check.'),
  alertmanagers: z
    .array(z.strictObject(remote))
    .prefault([])
    .describe('Alertmanagers that are also given the alerts, as Prometheus does.'),
  heartbeat: z
    .strictObject({
      ...remote,
      every: duration(second).prefault('1m').describe('How often.'),
    })
    .optional()
    .describe(
      'Who is told (`POST`) while rules are evaluated and people could be told, so that somebody else raises the alarm when it stops.',
    ),
  drill: checkedText('schedule', 'five fields of cron like 0 9 * * 1', (value) => isCron(value))
    .optional()
    .describe(
      'When all receivers are tested (cron, UTC: `0 9 * * 1`); the failure of one is told on the others.',
    ),
})

/** The whole file. The empty file is valid and means: collect nothing, listen on this machine. */
export const settingsSchema = z.strictObject({
  data: text('a directory')
    .prefault('.mesoscope')
    .describe('Directory of all state, relative to the working directory.'),
  cluster: text().prefault('local').describe('Name of this cluster, on every event.'),
  log_level: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .prefault('info')
    .describe("How much Mesoscope's own log says."),
  listen: listen.prefault({}).describe('The page and the HTTP API.'),
  collectors: collectors.prefault({}).describe('What is collected.'),
  spool: spool.prefault({}).describe('Between collectors and bus.'),
  bus: bus.prefault({}).describe('Between collectors and processors.'),
  store: store.prefault({}).describe('What can be searched.'),
  signals: z
    .record(z.string().regex(/^[a-z][a-z0-9_]*$/), signal)
    .prefault({})
    .describe(
      'Series measured from lines, samples and changes, by name (small letters, digits, `_`).',
    ),
  builtin_signals: flag()
    .prefault(true)
    .describe('Also measure the signals of the list below whose names are not taken.'),
  evaluation: evaluation.prefault({}).describe('When rules are evaluated.'),
  rule_library: z
    .array(oneOf(libraryNames))
    .prefault([])
    .describe(
      'Also use the rules and signals of these parts of the library (listed below); those whose names are taken in this file are left out.',
    ),
  alerts: z.array(alert).prefault([]).describe('Rules.'),
  autoscaling: autoscaling
    .prefault({})
    .describe('Instances of Marathon apps follow their load; needs `collectors.marathon`.'),
  mail: mail.optional().describe('Where alerts are mailed; absent: they are shown, not mailed.'),
  notifications: notifications.prefault({}).describe('Who is told of alerts, and when.'),
})

/** Keys as in the file; durations are ms, sizes are bytes, secrets are wrapped (`secret.ts`). */
export type Settings = z.output<typeof settingsSchema>
export type SignalSettings = Settings['signals'][string]
export type AlertSettings = Settings['alerts'][number]
export type ScalingPolicySettings = Settings['autoscaling']['services'][number]
export type MailSettings = NonNullable<Settings['mail']>
export type DockerSettings = Settings['collectors']['docker'][number]
