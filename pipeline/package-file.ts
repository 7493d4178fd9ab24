import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A file that is shipped with the program, beside us in a checkout, above us where we are compiled. */
export function packageFile(path: string): string {
  const here = fileURLToPath(new URL(`../${path}`, import.meta.url))
  return existsSync(here) ? here : fileURLToPath(new URL(`../../${path}`, import.meta.url))
}
