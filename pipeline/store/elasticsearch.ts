import type { Clock } from '../clock.ts'
import { Trouble } from '../errors.ts'
import { appendLogs } from './elasticsearch-append.ts'
import { buckets, putBuckets, series } from './elasticsearch-buckets.ts'
import { openBulk, type BulkOptions } from './elasticsearch-bulk.ts'
import { connect, type ElasticsearchConnection } from './elasticsearch-client.ts'
import { histogram, services } from './elasticsearch-counts.ts'
import { docs, putDocs, putSamples, samples } from './elasticsearch-docs.ts'
import { audit } from './elasticsearch-gaps.ts'
import { openIndices, retain } from './elasticsearch-indices.ts'
import { patchIdentity } from './elasticsearch-patch.ts'
import { context, search } from './elasticsearch-search.ts'
import { checkServer, prepare, type IndexSettings } from './elasticsearch-templates.ts'
import type { Store } from './store.ts'

export interface ElasticsearchOptions {
  connection: ElasticsearchConnection
  clock: Clock
  /** Before the names of indices and templates: small letters, digits, `_`; `mesoscope` unless set. */
  prefix?: string
  index?: IndexSettings
  bulk?: BulkOptions
  /** Retention classes that are declared beside `default`: each has indices of its own. */
  retentions?: readonly string[]
  /** Each day is an index: lines of days before or behind these bounds are rejected; 366 and 2 unless set. */
  pastDays?: number
  futureDays?: number
}

/**
 * The store of a cluster. Any number of processes may open it. Rejects with Trouble where the server does not answer
 * (retryable), or cannot serve (with what it lacks).
 *
 * What was acknowledged survives a kill of Elasticsearch, and is found by searches as soon as its index is refreshed:
 * within a second, or at once where nobody has asked for half a minute.
 */
export async function openElasticsearchStore(options: ElasticsearchOptions): Promise<Store> {
  const { clock, pastDays = 366, futureDays = 2, retentions } = options
  const bounds = { clock, pastDays, futureDays }
  const indices = openIndices(options.prefix ?? 'mesoscope', bounds, retentions)
  const es = connect(options.connection)
  try {
    await prepare(es, indices, options.index ?? {})
  } catch (error) {
    await es.close()
    throw error
  }
  const bulk = openBulk(es, options.bulk)
  return {
    appendLogs: (records) => appendLogs(bulk, indices, records),
    putDocs: (docClass, given) => putDocs({ es, bulk, indices }, docClass, given),
    putSamples: (given) => putSamples({ es, bulk, indices }, given),
    putBuckets: (given) => putBuckets(bulk, indices, given),
    patchIdentity: (patches) => patchIdentity(es, indices, patches),
    search: (query) => search(es, indices, query),
    context: (id, before, after) => context(es, indices, id, before, after),
    histogram: (query, bucketMs) => histogram(es, indices, query, bucketMs),
    services: (range) => services(es, indices, range),
    docs: (docClass, query) => docs(es, indices, docClass, query),
    samples: (query) => samples(es, indices, query),
    buckets: (signal, range) => buckets(es, indices, signal, range),
    series: (signal, query) => series(es, indices, signal, query),
    audit: (scope) => audit(es, indices, scope),
    retain: (firstDays) => retain(es, indices, firstDays),
    close: () => es.close(),
  }
}

/** What is there, in words. Rejects with Trouble as {@link openElasticsearchStore} does, and where the cluster is red. */
export async function inspectElasticsearch(connection: ElasticsearchConnection): Promise<string> {
  const es = connect(connection)
  try {
    const version = await checkServer(es)
    const { status, number_of_nodes: nodes } = await es.ask<{
      status: string
      number_of_nodes: number
    }>({ method: 'GET', path: '/_cluster/health' })
    const said = `Elasticsearch ${version} at ${es.place}, ${nodes} nodes, ${status}`
    if (status !== 'red') return said
    throw new Trouble(said, { remedy: 'see in GET /_cluster/allocation/explain what is missing' })
  } finally {
    await es.close()
  }
}
