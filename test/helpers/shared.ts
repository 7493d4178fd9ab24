import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of captured answers and cases that is shared between projects; undefined where it is not there. */
export function sharedDir(): string | undefined {
  const beside = fileURLToPath(new URL('../../../shared', import.meta.url))
  const dir = process.env['MESOSCOPE_SHARED'] ?? beside
  return existsSync(join(dir, 'fixtures')) ? dir : undefined
}
