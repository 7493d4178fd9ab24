import { originalOf } from '../dead-letter.ts'
import { Trouble } from '../errors.ts'
import { isoDay, msToIso, type DeadLetter, type SampleDoc } from '../event.ts'
import { identityFields } from '../identity.ts'
import { metricNames } from '../metric-names.ts'
import { parseQuery } from '../query.ts'
import { sampleFault } from '../sample.ts'
import { writeAll, type Bulk } from './elasticsearch-bulk.ts'
import { pieceOf } from './elasticsearch-pieces.ts'
import type { Elasticsearch } from './elasticsearch-client.ts'
import { documentId, type Indices } from './elasticsearch-indices.ts'
import { withoutOrigin } from './elasticsearch-lines.ts'
import { translate } from './elasticsearch-query.ts'
import { anyOf, has, scan, servicesFilter, timeFilter, type Dsl } from './elasticsearch-scan.ts'
import { checkNumbers, defaultLimit } from './limits.ts'
import type { EventClass } from './retention.ts'
import type { DocClass, DocQuery, SampleQuery, StoredDoc } from './store.ts'

type Doc = Record<string, unknown>

interface Writing {
  es: Elasticsearch
  bulk: Bulk
  indices: Indices
}

/** Replaced by id; of several with one id the last counts. */
export async function putDocs(
  to: Writing,
  docClass: DocClass,
  docs: readonly StoredDoc[],
): Promise<void> {
  const last = new Map(docs.map((doc) => [doc['event.id'], doc]))
  await put(to, docClass, 'index', [...last.values()])
}

/** One that no collector can have measured is left out, and holds no other up. */
export async function putSamples(to: Writing, samples: readonly SampleDoc[]): Promise<void> {
  const sound = samples.filter((doc) => sampleFault(doc) === undefined)
  await put(to, 'metrics', 'create', sound.map(withSource))
}

/** So that samples of one ns have an order: see `splitId` of the SQLite store. */
function withSource(doc: SampleDoc): SampleDoc {
  const id = doc['event.id']
  const ending = `:${doc['event.sequence']}`
  const source = id.endsWith(ending) ? id.slice(0, -ending.length) : id
  return { 'mesoscope.source': source, ...doc }
}

async function put(
  { es, bulk, indices }: Writing,
  eventClass: EventClass,
  action: 'index' | 'create',
  docs: readonly (StoredDoc | SampleDoc)[],
): Promise<void> {
  const dead: DeadLetter[] = []
  const retentionOf = (doc: Doc) => doc[identityFields.retention]
  const today = isoDay(msToIso(indices.clock.now()))
  const dayOf = (doc: StoredDoc | SampleDoc) => {
    const day = isoDay(doc['@timestamp'])
    // What tells of a loss is stored in any case.
    return eventClass === 'dead' && indices.refusal(day) !== undefined ? today : day
  }
  for (const [day, ofDay] of Map.groupBy(docs, dayOf)) {
    const refusal = indices.refusal(day)
    const groups = Map.groupBy(ofDay, (doc) => indices.of(eventClass, day, retentionOf(doc)))
    for (const [index, group] of groups) {
      const refused =
        refusal === undefined
          ? await putDay(bulk, index, action, group)
          : group.map((doc) => ({ doc, reason: refusal }))
      for (const { doc, reason } of refused) dead.push(deadLetter(indices, eventClass, doc, reason))
      if (action === 'index' && refusal === undefined) {
        await removeElsewhere(es, indices.besides(index, eventClass, day), group)
      }
    }
  }
  if (dead.length === 0) return
  const [lost] = await putDay(bulk, indices.of('dead', today), 'index', dead)
  if (lost) throw new Trouble(`a dead letter was refused: ${lost.reason}`)
}

/** A document that has another retention now than before stands in one index alone. */
async function removeElsewhere(
  es: Elasticsearch,
  indices: readonly string[],
  docs: readonly Doc[],
): Promise<void> {
  if (indices.length === 0) return
  const actions = docs.flatMap((doc) => {
    const _id = documentId(String(doc['event.id']))
    return indices.map((_index) => `${JSON.stringify({ delete: { _index, _id } })}\n`)
  })
  const { items } = await es.ask<{ items: { delete: { status: number; error?: unknown } }[] }>({
    method: 'POST',
    path: '/_bulk',
    query: { filter_path: 'items.*.status,items.*.error' },
    ndjson: Buffer.from(actions.join('')),
  })
  // Nearly always it is not there, or not even the index.
  const failed = items.find(({ delete: item }) => item.error !== undefined && item.status !== 404)
  if (!failed) return
  throw new Trouble(`an earlier copy of a document cannot be deleted: ${failed.delete.status}`, {
    retryable: true,
  })
}

interface Refused {
  doc: Doc
  reason: string
}

/** A document that disagrees with the index is put a second time, wrapped; gives those that are refused even so. */
async function putDay(
  bulk: Bulk,
  index: string,
  action: 'index' | 'create',
  docs: readonly Doc[],
): Promise<Refused[]> {
  const write = (given: readonly Doc[], bodyOf: (doc: Doc) => Doc) =>
    writeAll(
      bulk,
      index,
      given.map((doc) => {
        const _id = documentId(String(doc['event.id']))
        return pieceOf({ [action]: { _id } }, bodyOf(doc))
      }),
    )
  const first = await write(docs, (doc) => doc)
  const refused = docs.filter((_, i) => typeof first[i] === 'object')
  const second = refused.length > 0 ? await write(refused, wrapped) : []
  return refused.flatMap((doc, i) => {
    const outcome = second[i]
    return typeof outcome === 'object' ? [{ doc, reason: outcome.refused }] : []
  })
}

const sampleBytes = 4096

const isOfBus = (eventClass: EventClass) => eventClass === 'changes' || eventClass === 'decisions'

/** What can never be stored must not hold up what comes behind it, nor vanish. */
function deadLetter(
  { clock }: Indices,
  eventClass: EventClass,
  doc: Doc,
  reason: string,
): DeadLetter {
  const json = Buffer.from(JSON.stringify(doc))
  const service = doc['service.name']
  return {
    '@timestamp': msToIso(clock.now()),
    'event.id': `dead:store:${eventClass}:${String(doc['event.id'])}`,
    'event.kind': 'dead',
    reason,
    origin: `${eventClass}, document ${String(doc['event.id'])}`,
    bytes: json.length,
    sample: json.subarray(0, sampleBytes).toString('latin1'),
    ...(typeof service === 'string' ? { 'service.name': service } : {}),
    ...(isOfBus(eventClass)
      ? originalOf(eventClass, { key: typeof service === 'string' ? service : '', value: json })
      : {}),
  }
}

const chosenBy = [
  '@timestamp',
  'event.id',
  'event.kind',
  'event.action',
  'event.sequence',
  'mesoscope.source',
  'message',
  ...Object.values(identityFields).filter((field) => field !== 'labels'),
]

/** A document that disagrees with the index (a text where it has an object): whole as one text, beside what searches choose by. */
function wrapped(doc: Doc): Doc {
  const fields = chosenBy.flatMap((field) => {
    const value = doc[field]
    return typeof value === 'string' || typeof value === 'number' ? [[field, value]] : []
  })
  return { ...Object.fromEntries(fields), 'mesoscope.original': JSON.stringify(doc) }
}

function unwrapped<Found extends Doc>(doc: Found): Found {
  const original = doc['mesoscope.original']
  return withoutOrigin(typeof original === 'string' ? (JSON.parse(original) as Found) : doc)
}

export async function docs(
  es: Elasticsearch,
  indices: Indices,
  docClass: DocClass,
  query: DocQuery,
): Promise<StoredDoc[]> {
  checkNumbers(query)
  const { services, kind, kinds, task, limit = defaultLimit } = query
  const parsed = parseQuery(query.query ?? '')
  const { dsl, exact } = translate(query.query ?? '')
  const filter = [
    timeFilter(query),
    services && servicesFilter(services),
    kind === undefined ? undefined : anyOf('event.kind', [kind]),
    kinds && anyOf('event.kind', kinds),
    task === undefined ? undefined : anyOf('mesos.task.id', [task]),
    dsl,
  ]
  return first<StoredDoc>(es, {
    target: indices.all(docClass),
    filter,
    sort: [timeSort('desc'), { 'event.id': 'asc' }],
    limit,
    accept: exact ? undefined : parsed.matches,
  })
}

export async function samples(
  es: Elasticsearch,
  indices: Indices,
  query: SampleQuery,
): Promise<SampleDoc[]> {
  checkNumbers(query)
  const { services, task, metric, limit = defaultLimit } = query
  const order = query.order === 'asc' ? 'asc' : 'desc'
  const mapped = metric !== undefined && Object.hasOwn(metricNames, metric)
  const filter = [
    timeFilter(query),
    services && servicesFilter(services),
    task === undefined ? undefined : anyOf('mesos.task.id', [task]),
    mapped ? has(`metrics.${metric}`) : undefined,
  ]
  return first<SampleDoc>(es, {
    target: indices.all('metrics'),
    filter,
    sort: [timeSort(order), { 'mesoscope.source': 'asc' }, { 'event.sequence': 'asc' }],
    limit,
    accept:
      metric === undefined || mapped ? undefined : (doc) => Object.hasOwn(doc.metrics, metric),
  })
}

function timeSort(order: 'asc' | 'desc'): Dsl {
  return { '@timestamp': { order, format: 'strict_date_optional_time_nanos' } }
}

interface Asked<Found> {
  target: string
  filter: (Dsl | undefined)[]
  sort: Dsl[]
  limit: number
  /** Undefined where all that is found is wanted. */
  accept: ((doc: Found) => boolean) | undefined
}

async function first<Found extends Doc>(
  es: Elasticsearch,
  { target, filter, sort, limit, accept }: Asked<Found>,
): Promise<Found[]> {
  const found: Found[] = []
  for await (const { _source } of scan<Found>(es, {
    target,
    filter: filter.filter((part) => part !== undefined),
    sort,
    pageSize: accept ? Math.max(limit, 500) : limit,
  })) {
    const doc = unwrapped(_source)
    if (accept && !accept(doc)) continue
    found.push(doc)
    if (found.length >= limit) break
  }
  return found
}
