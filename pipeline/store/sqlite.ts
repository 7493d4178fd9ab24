import { accessSync, constants, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openWorker } from '../rpc.ts'
import { explained } from '../sqlite.ts'
import type { StoreReader } from './sqlite-reader.ts'
import type { StoreWriter } from './sqlite-writer.ts'
import type { Store } from './store.ts'

/**
 * The store of one machine: a SQLite database a day in `dir`, written by one thread and read by another, so that a
 * search never waits for the writer. The caller owns the directory (see `pipeline/owner.ts`). Throws Trouble if
 * something in it cannot be written.
 */
export function openSqliteStore({ dir }: { dir: string }): Store {
  checkWritable(dir)
  const writer = openWorker<StoreWriter>(import.meta.url, './sqlite-writer', { dir })
  const reader = openWorker<StoreReader>(import.meta.url, './sqlite-reader', { dir })
  return {
    ...readingPart(reader.remote),
    appendLogs: (records) => writer.remote.appendLogs(records),
    putDocs: (docClass, docs) => writer.remote.putDocs(docClass, docs),
    putBuckets: (buckets) => writer.remote.putBuckets(buckets),
    putSamples: (samples) => writer.remote.putSamples(samples),
    patchIdentity: (patches) => writer.remote.patchIdentity(patches),
    async retain(firstDays) {
      const { deleted, left } = await writer.remote.retainFiles(firstDays)
      // One call a day: between them the writer does what else there is to do.
      for (const day of left) {
        if (await writer.remote.retainPart(day, firstDays)) deleted.push(day)
      }
      return deleted
    },
    async close() {
      // A long search is not waited for: reading leaves nothing half done.
      await writer.remote.shut().catch(() => {})
      await Promise.all([writer.close(), reader.close()])
    },
  }
}

/** Days are opened when they are needed: what an earlier start left to another user has to be met now. */
function checkWritable(dir: string): void {
  explained(dir, () => {
    mkdirSync(dir, { recursive: true })
    accessSync(dir, constants.W_OK | constants.X_OK)
    for (const name of readdirSync(dir).filter((file) => file.endsWith('.db'))) {
      const file = join(dir, name)
      explained(file, () => accessSync(file, constants.R_OK | constants.W_OK))
    }
  })
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
    samples: remote.samples,
    buckets: remote.buckets,
    series: remote.series,
    audit: remote.audit,
  } satisfies Partial<Store>
}
