import { appendFile, mkdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { canaryService } from '../pipeline/canary.ts'
import { pause } from '../pipeline/clock.ts'
import { errorCode, explain } from '../pipeline/errors.ts'
import { msToIso } from '../pipeline/event.ts'
import { openFilesCollector, type FilesCollectorOptions } from './files.ts'
import type { Collector } from './sink.ts'

export interface CanaryOptions extends Omit<FilesCollectorOptions, 'name' | 'paths' | 'service'> {
  /** Its log is in here. */
  dir: string
  /** How often a line is written, ms. */
  intervalMs: number
}

/** Then the log is rotated. */
const maxBytes = 64 * 1024

/**
 * Writes a line to a file of its own again and again, and collects that file as any other: what becomes of these lines tells how long
 * all others take, and that they arrive at all.
 */
export async function openCanary({
  dir,
  intervalMs,
  ...options
}: CanaryOptions): Promise<Collector> {
  const { clock, log } = options
  const path = join(dir, 'canary.log')
  const stopping = new AbortController()
  let trouble: string | undefined

  async function write(): Promise<void> {
    await mkdir(dir, { recursive: true })
    if ((await sizeOf(path)) >= maxBytes) await rename(path, `${path}.1`)
    await appendFile(path, `${msToIso(clock.now())} a line to measure how long lines take\n`)
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await write()
        trouble = undefined
      } catch (error) {
        if (trouble === undefined) log.error({ err: error }, 'the canary cannot be written')
        trouble = `${path} cannot be written: ${explain(error)}`
      }
      await pause(intervalMs, stopping.signal)
    }
  }

  const files = await openFilesCollector({
    ...options,
    name: 'canary',
    paths: [path],
    service: canaryService,
  })
  const running = run()
  return {
    ...files,
    trouble: () => trouble ?? files.trouble(),
    async close() {
      stopping.abort()
      await running
      await files.close()
    },
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 0
    throw error
  }
}
