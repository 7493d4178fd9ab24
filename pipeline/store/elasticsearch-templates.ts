import { Trouble } from '../errors.ts'
import { identityFields } from '../identity.ts'
import { metricNames } from '../metric-names.ts'
import { failureOf, type Elasticsearch } from './elasticsearch-client.ts'
import type { Indices } from './elasticsearch-indices.ts'
import { eventClasses, type EventClass } from './retention.ts'

/** Raised with every change of what stands below: an older template is replaced, a newer one left alone. */
const version = 2

export interface IndexSettings {
  /** `logsdb` takes less disk and a little more CPU; `standard` unless set. */
  mode?: 'standard' | 'logsdb'
  /** Of each day's index; 1 unless set. */
  shards?: number
  /** 1 unless set. */
  replicas?: number
  /** How soon what is written is found, as Elasticsearch spells it (`5s`); its own rule unless set. */
  refreshInterval?: string
}

/**
 * Nothing that an event holds makes a field of the index (`dynamic: false`), so no two events can disagree about the type
 * of one, and a hostile one cannot make thousands. What is not mapped stays in the document and is found by looking at it.
 */
const name = { type: 'keyword', ignore_above: 1024 }
const identity = {
  ...Object.fromEntries(Object.values(identityFields).map((field) => [field, name])),
  labels: { type: 'flattened', ignore_above: 1024, depth_limit: 20 },
}
const event = {
  '@timestamp': { type: 'date_nanos' },
  message: { type: 'text', analyzer: 'words', norms: false },
  tags: name,
  ...identity,
}
/** Ours alone, taken away from what is answered: see `elasticsearch-lines.ts`. */
const origin = {
  'mesoscope.source': { type: 'keyword' },
  'mesoscope.lineage': { type: 'keyword' },
  'event.sequence': { type: 'long' },
}
const document = {
  ...event,
  'event.id': { type: 'keyword', ignore_above: 8191 },
  'event.kind': name,
  'event.action': name,
  /** The document's JSON, where it could not be stored as it is: see `elasticsearch-docs.ts`. */
  'mesoscope.original': { type: 'keyword', index: false, doc_values: false },
}
const number = { type: 'double' }

/** The fields of the index of each class, by name. */
export const fieldsOf: Record<EventClass, object> = {
  logs: { ...event, ...origin, 'log.level': name, 'log.iostream': name },
  metrics: {
    '@timestamp': event['@timestamp'],
    ...identity,
    ...origin,
    metrics: {
      type: 'object',
      // `a` and `a.b` may both be metrics.
      subobjects: false,
      properties: Object.fromEntries(Object.keys(metricNames).map((metric) => [metric, number])),
    },
    'mesoscope.original': document['mesoscope.original'],
  },
  signals: {
    '@timestamp': event['@timestamp'],
    signal: { type: 'keyword' },
    group: { type: 'flattened', ignore_above: 1024 },
    groupKey: { type: 'keyword', ignore_above: 8191 },
    from: { type: 'long' },
    to: { type: 'long' },
    lastMs: { type: 'long' },
    partition: { type: 'integer' },
    count: number,
    'values.sum': number,
    'values.min': number,
    'values.max': number,
    'values.last': number,
  },
  changes: document,
  alerts: document,
  decisions: document,
  dead: document,
}

/** Looks at what answers, and refuses what cannot serve; then makes the templates, where they are not there yet. */
export async function prepare(
  es: Elasticsearch,
  indices: Indices,
  settings: IndexSettings,
): Promise<void> {
  await checkServer(es)
  const { index_templates: there = [] } = await es.ask<{
    index_templates?: { name: string; index_template: { version?: number } }[]
  }>({ method: 'GET', path: `/_index_template/${indices.prefix}-*`, allow: [404] })
  const versions = new Map(there.map((one) => [one.name, one.index_template.version ?? 0]))
  const missing = eventClasses.filter((one) => (versions.get(indices.all(one)) ?? 0) < version)
  if (missing.length === 0) return
  await put(es, `/_component_template/${indices.prefix}-settings`, {
    version,
    template: { settings: settingsOf(settings) },
  })
  for (const eventClass of missing) await putClass(es, indices, eventClass)
}

const oldest = 8

/** Returns its version. */
export async function checkServer(es: Elasticsearch): Promise<string> {
  const { version: found } = await es.ask<{ version?: { number?: string; build_flavor?: string } }>(
    { method: 'GET', path: '/' },
  )
  const major = Number(/^(\d+)\./.exec(found?.number ?? '')?.[1])
  if (major >= oldest && found?.build_flavor !== 'serverless') {
    return found?.number ?? ''
  }
  const what =
    found?.build_flavor === 'serverless' ? 'serverless' : (found?.number ?? 'of no version')
  throw new Trouble(`Elasticsearch at ${es.place} is ${what}`, {
    remedy: `Mesoscope needs Elasticsearch ${oldest} or newer with indices of its own`,
  })
}

function putClass(es: Elasticsearch, indices: Indices, eventClass: EventClass): Promise<void> {
  const alias = indices.all(eventClass)
  return put(es, `/_index_template/${alias}`, {
    version,
    priority: 500,
    index_patterns: [`${alias}-*`],
    composed_of: [`${indices.prefix}-settings`],
    template: {
      aliases: { [alias]: {} },
      mappings: { dynamic: false, date_detection: false, properties: fieldsOf[eventClass] },
    },
    _meta: { by: 'mesoscope' },
  })
}

/** Elasticsearch tries a template when it is made: what it does not have it names. */
async function put(es: Elasticsearch, path: string, body: object): Promise<void> {
  try {
    await es.ask({ method: 'PUT', path, body })
  } catch (error) {
    const failure = failureOf(error)
    if (failure?.status !== 400) throw error
    throw new Trouble(
      `Elasticsearch at ${es.place} lacks what Mesoscope needs: ${failure.reason}`,
      {
        remedy: `it refused ${path}; use a complete Elasticsearch ${oldest} or newer`,
        cause: error,
      },
    )
  }
}

function settingsOf({
  mode = 'standard',
  shards = 1,
  replicas = 1,
  refreshInterval,
}: IndexSettings) {
  return {
    number_of_shards: shards,
    number_of_replicas: replicas,
    codec: 'best_compression',
    // What was acknowledged survives a kill.
    translog: { durability: 'request' },
    // In `logsdb` too documents shall come back as they were.
    ...(mode === 'logsdb'
      ? { mode, mapping: { ignore_malformed: true, source: { mode: 'stored' } } }
      : { mapping: { ignore_malformed: true } }),
    ...(refreshInterval === undefined ? {} : { refresh_interval: refreshInterval }),
    analysis: {
      analyzer: {
        words: {
          type: 'custom',
          char_filter: ['long_s'],
          tokenizer: 'letters_and_digits',
          filter: ['lowercase', 'no_endless_words'],
        },
      },
      // The one letter beside the Kelvin sign whose small form is ASCII only in `pipeline/query.ts`.
      char_filter: { long_s: { type: 'mapping', mappings: ['\u017f => s'] } },
      tokenizer: { letters_and_digits: { type: 'simple_pattern', pattern: wordPattern() } },
      // Lucene takes terms of up to 32,766 bytes.
      filter: { no_endless_words: { type: 'truncate', length: 8191 } },
    },
  }
}

/** A word is a run of letters and digits, as `pipeline/query.ts` has it: as a class of Lucene's regular expressions. */
export function wordPattern(): string {
  const isWord = /[\p{L}\p{N}]/u
  let ranges = ''
  let first = -1
  for (let code = 0; code <= 0x110000; code++) {
    const inside = code < 0x110000 && isWord.test(String.fromCodePoint(code))
    if (inside && first < 0) first = code
    if (inside || first < 0) continue
    ranges += String.fromCodePoint(first)
    if (code - 1 > first) ranges += `-${String.fromCodePoint(code - 1)}`
    first = -1
  }
  return `[${ranges}]+`
}
