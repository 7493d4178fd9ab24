import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Trouble } from '../pipeline/errors.ts'
import { openSqliteStoreForReading } from '../pipeline/store/sqlite.ts'

export const storeDirectory = (data: string) => join(data, 'store')

/** What is not of our making stays: somebody may have named a directory that holds more. */
export function emptyDirectory(dir: string): void {
  for (const name of ['bus', 'store', 'spool', 'playground']) {
    rmSync(join(dir, name), { recursive: true, force: true })
  }
}

export async function openStoreReadOnly(data: string) {
  const dir = storeDirectory(data)
  if (!existsSync(dir))
    throw new Trouble(`there is no store in ${data}`, { remedy: 'start mesoscope on it first' })
  return openSqliteStoreForReading({ dir })
}
