import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../../../pipeline/store/sqlite.ts'
import type { Store } from '../../../pipeline/store/store.ts'
import type { StoreSubject } from '../../contracts/store-subject.ts'

/** A SQLite store in a directory of its own. */
export async function openSqliteSubject() {
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-store-'))
  let store = openSqliteStore({ dir })
  const subject = {
    store,
    dir,
    async reopen(): Promise<Store> {
      await store.close()
      return (store = openSqliteStore({ dir }))
    },
    async clean() {
      await store.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
  return subject satisfies StoreSubject
}
