import type { LogDoc } from '../../pipeline/event.ts'
import type { LogQuery, Store } from '../../pipeline/store/store.ts'

/** A store of its own for one case. */
export interface StoreSubject {
  store: Store
  /** Closes the store and opens it again on the same data. */
  reopen?(): Promise<Store>
  /** Resolves when all that was written can be found; for stores that show it a little later. */
  settle?(): Promise<void>
  clean(): Promise<void>
}

export async function settled({ settle }: StoreSubject): Promise<void> {
  await settle?.()
}

/** All pages of a query. */
export async function searchAll(
  store: Store,
  query: LogQuery,
  betweenPages: (page: number) => Promise<void> = async () => {},
): Promise<LogDoc[]> {
  const hits: LogDoc[] = []
  let cursor: string | undefined
  for (let page = 0; page < 10_000; page++) {
    const found = await store.search({ ...query, ...(cursor === undefined ? {} : { cursor }) })
    hits.push(...found.hits)
    cursor = found.next
    if (cursor === undefined) return hits
    await betweenPages(page)
  }
  throw new Error('the pages have no end')
}
