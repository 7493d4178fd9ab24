import { accessSync, constants, statSync, type Stats } from 'node:fs'
import { glob } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, join, matchesGlob, resolve } from 'node:path'
import type { Clock } from '../pipeline/clock.ts'
import { errorCode, explain, Trouble } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { withoutUnknown } from './docker-identity.ts'
import type { EventOptions } from './docker-streams.ts'
import { openPlainFile, type PlainInput, type PlainPosition } from './plain-file.ts'
import { openPump } from './pump.ts'
import { isRotationOf } from './rotated.ts'
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
  const patterns = options.paths.map((path) => resolve(path))
  const prefix = `${name}:file:`
  const files = new Map<string, PlainInput>()
  /** What stood at the path of an input that has not opened it yet. */
  const expected = new Map<PlainInput, Stats>()
  /** Since when nothing is found at the paths of inputs. */
  const missingMs = new Map<string, number>()
  /** Of the last look, by path or pattern. */
  let troubles = new Map<string, string>()
  const agent = hostname()

  const pump = openPump({ name, sink, clock, metrics, log, discover, idleMs: () => idleMs })

  async function discover(nowMs: number): Promise<boolean> {
    const told: Told = new Map()
    const found = await find(told)
    for (const path of found) {
      const rotated = found.filter((other) => other !== path && isRotationOf(other, path))
      if (found.some((base) => base !== path && isRotationOf(path, base))) continue
      const stat = files.has(path) ? undefined : readable(path, told)
      if (stat) expected.set(open(path, rotated.length > 0), stat)
    }
    dropMissing(nowMs)
    troubles = told
    return true
  }

  async function find(told: Told): Promise<string[]> {
    const found = new Set<string>()
    for (const pattern of patterns) {
      let matches = 0
      try {
        for await (const path of glob(pattern)) {
          matches++
          found.add(path)
        }
        if (matches === 0) {
          told.set(pattern, `no file matches ${pattern}: it is looked for every second`)
        }
      } catch (error) {
        told.set(pattern, `${pattern} cannot be looked up: ${explain(error)}`)
      }
    }
    return [...found].toSorted()
  }

  /** Not folders and pipes, not what another input has under another name, and (told) not what is forbidden. */
  function readable(path: string, told: Told): Stats | undefined {
    try {
      const stat = statSync(path)
      if (!stat.isFile()) {
        if (patterns.includes(path)) told.set(path, noFile(path, stat.isDirectory()))
        return undefined
      }
      accessSync(path, constants.R_OK)
      return [...files.values()].some((file) => holds(file, stat)) ? undefined : stat
    } catch (error) {
      // It was removed meanwhile; or its name is not UTF-8 and was found as another that is not there.
      const isGone = errorCode(error) === 'ENOENT' && !path.includes('\ufffd')
      if (!isGone) told.set(path, explain(unreadable(path, error)))
      return undefined
    }
  }

  function holds(file: PlainInput, { dev, ino }: Stats): boolean {
    const other = file.idle() ? expected.get(file) : undefined
    return file.holds(dev, ino) || (other?.ino === ino && other.dev === dev)
  }

  function open(path: string, history: boolean): PlainInput {
    const key = prefix + path
    const input = openPlainFile({
      ...options,
      key,
      path,
      history,
      identity: withoutUnknown({ cluster, service, task: basename(path), agent, retention }),
      position: sink.position(key) as PlainPosition | undefined,
      onBytes: (bytes) => metrics.collected_bytes_total.inc({ collector: name }, bytes),
    })
    files.set(path, input)
    pump.inputs.set(key, input)
    return input
  }

  function dropMissing(nowMs: number) {
    for (const [path, input] of files) {
      if (!pump.inputs.has(prefix + path)) {
        files.delete(path)
        expected.delete(input)
        missingMs.delete(path)
      } else if (!input.idle()) missingMs.delete(path)
      else {
        const since = missingMs.get(path) ?? nowMs
        missingMs.set(path, since)
        if (nowMs - since >= forgetMs) input.gone()
      }
    }
  }

  // A file that was rotated while nobody was here may be found under its new name only.
  for (const key of sink.positions(prefix)) {
    const path = key.slice(prefix.length)
    if (patterns.some((pattern) => matchesGlob(path, pattern))) open(path, false)
  }

  return Promise.resolve({
    name,
    through: () => pump.through(),
    trouble: () => pump.trouble() ?? troubles.values().next().value,
    lags: pump.lags,
    close: () => pump.close(),
  })
}

/** What is wrong, by path or pattern. */
type Told = Map<string, string>

/** Many folders may match a wildcard; who names one means its files. */
function noFile(path: string, isFolder: boolean): string {
  return isFolder
    ? `${path} is a folder: name its files, for instance ${join(path, '*.log')}`
    : `${path} is no regular file: only files can be followed`
}

function unreadable(path: string, cause: unknown): Trouble {
  const code = errorCode(cause) ?? String(cause)
  return new Trouble(`${path} cannot be read (${code})`, {
    remedy: remedies[code] ?? 'mend it or leave it out',
    retryable: true,
    cause,
  })
}

const remedies: Record<string, string> = {
  EACCES: 'run as a user who may read it (often a member of the group adm), or leave it out',
  ENOENT: 'its name is not UTF-8: rename it',
}
