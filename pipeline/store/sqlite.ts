import { openWorker } from '../rpc.ts'
import type { StoreReader } from './sqlite-reader.ts'
import type { StoreWriter } from './sqlite-writer.ts'
import type { Store } from './store.ts'

/**
 * The store of one machine: a SQLite database a day in `dir`, written by one thread and read by another, so that a
 * search never waits for the writer. The caller owns the directory (see `pipeline/owner.ts`).
 */
export function openSqliteStore({ dir }: { dir: string }): Store {
  const writer = openWorker<StoreWriter>(import.meta.url, './sqlite-writer', { dir })
  const reader = openWorker<StoreReader>(import.meta.url, './sqlite-reader', { dir })
  return {
    ...readingPart(reader.remote),
    appendLogs: (records) => writer.remote.appendLogs(records),
    putDocs: (docClass, docs) => writer.remote.putDocs(docClass, docs),
    putBuckets: (buckets) => writer.remote.putBuckets(buckets),
    patchIdentity: (patches) => writer.remote.patchIdentity(patches),
    retain: (day) => writer.remote.retain(day),
    async close() {
      await Promise.all([writer.remote.shut(), reader.remote.shut()]).catch(() => {})
      await Promise.all([writer.close(), reader.close()])
    },
  }
}

export type StoreForReading = ReturnType<typeof readingPart> & Pick<Store, 'close'>

/** For processes that do not own the store: works beside a running owner, and after it has stopped. */
export function openSqliteStoreForReading({ dir }: { dir: string }): StoreForReading {
  const reader = openWorker<StoreReader>(import.meta.url, './sqlite-reader', { dir })
  return { ...readingPart(reader.remote), close: reader.close }
}

function readingPart(remote: ReturnType<typeof openWorker<StoreReader>>['remote']) {
  return {
    search: remote.search,
    context: remote.context,
    histogram: remote.histogram,
    services: remote.services,
    docs: remote.docs,
    buckets: remote.buckets,
    gaps: remote.gaps,
  } satisfies Partial<Store>
}
