import { z } from 'zod'
import {
  checkedText,
  duration,
  flag,
  oneOf,
  secret,
  size,
  text,
  url,
  wholeNumber,
} from './kinds.ts'

const second = 1000
const day = 86_400_000

const brokerAddress = () =>
  checkedText('address', 'an address like kafka-1.example.org:9092', (value) =>
    /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(value),
  )

const indexPrefix = () =>
  checkedText('name', 'a name of small letters, digits and _, beginning with a letter', (value) =>
    /^[a-z][a-z0-9_]{0,99}$/.test(value),
  )

export const spool = z.strictObject({
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

export const bus = z.strictObject({
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

export const store = z.strictObject({
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
