import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Trouble } from '../pipeline/errors.ts'
import { openSqliteStoreForReading } from '../pipeline/store/sqlite.ts'

export const storeDirectory = (data: string) => join(data, 'store')

/** What is not of our making stays: somebody may have named a directory that holds more. */
export function emptyDirectory(dir: string): void {
  for (const name of ['bus', 'store', 'spool', 'playground']) {
    rmSync(join(dir, name), { recursive: true, force: true })
  }
}

/** A file that is shipped with the program, beside us in a checkout, above us where we are compiled. */
export function packageFile(path: string): string {
  const here = fileURLToPath(new URL(`../${path}`, import.meta.url))
  return existsSync(here) ? here : fileURLToPath(new URL(`../../${path}`, import.meta.url))
}

export async function openStoreReadOnly(data: string) {
  const dir = storeDirectory(data)
  if (!existsSync(dir))
    throw new Trouble(`there is no store in ${data}`, { remedy: 'start mesoscope on it first' })
  return openSqliteStoreForReading({ dir })
}
