import { hostname } from 'node:os'
import { basename, resolve } from 'node:path'
import type { Clock } from '../pipeline/clock.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { withoutUnknown } from './docker-identity.ts'
import type { EventOptions } from './docker-streams.ts'
import { openFileSet } from './file-set.ts'
import { openPump } from './pump.ts'
import type { Collector, Sink } from './sink.ts'

export interface FilesCollectorOptions extends EventOptions {
  /** Part of the keys of its positions: must not change between starts. */
  name: string
  /** Globs, relative to the working directory; looked up again every second. */
  paths: readonly string[]
  /** The service of all these files. */
  service: string
  /** How long their lines are kept: the name of a retention class. */
  retention?: string | undefined
  cluster?: string | undefined
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
  /** How long a file with a position must be away before its position is forgotten, ms. */
  forgetMs?: number
}

const idleMs = 100

/**
 * Collects plain text files through their rotations (renamed, copied and truncated, compressed). A file is read from
 * its beginning, also one that was there before the first start; of what was rotated before only what a glob names.
 * Never fails because a file is missing or forbidden: that is retried for ever and told by `trouble()`.
 */
export function openFilesCollector(options: FilesCollectorOptions): Promise<Collector> {
  const {
    name,
    sink,
    clock,
    metrics,
    log,
    service,
    retention,
    cluster,
    forgetMs = 60_000,
  } = options
  const agent = hostname()
  const wanted = options.paths.map((path) => ({
    pattern: resolve(path),
    identity: (found: string) =>
      withoutUnknown({ cluster, service, task: basename(found), agent, retention }),
  }))
  const discover = async (nowMs: number) => {
    await files.look(nowMs)
    return true
  }
  const pump = openPump({ name, sink, clock, metrics, log, discover, idleMs: () => idleMs })
  const files = openFileSet({
    ...options,
    prefix: `${name}:file:`,
    wanted: () => wanted,
    pump,
    onBytes: (bytes) => metrics.collected_bytes_total.inc({ collector: name }, bytes),
    forgetMs,
  })
  return Promise.resolve({
    name,
    through: () => pump.through(),
    trouble: () => pump.trouble() ?? files.trouble(),
    lags: pump.lags,
    close: () => pump.close(),
  })
}
