import { accessSync, constants, realpathSync, statSync, type Stats } from 'node:fs'
import { glob } from 'node:fs/promises'
import { join, matchesGlob } from 'node:path'
import { errorCode, explain, Trouble } from '../pipeline/errors.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { EventOptions } from './docker-streams.ts'
import { openPlainFile, type PlainInput, type PlainPosition } from './plain-file.ts'
import type { Pump } from './pump.ts'
import { isRotationOf } from './rotated.ts'
import type { Sink } from './sink.ts'

/** Files that somebody wants to be read. */
export interface Wanted {
  /** Absolute, a glob. */
  pattern: string
  /** Whose lines they are; asked once for each file, and again when it changes. */
  identity(path: string): Identity
  /** Who named them is not to be trusted: what really lies elsewhere than below this folder is not read. */
  below?: string
}

export interface FileSetOptions extends EventOptions {
  /** Before the path in the key of an input's position. */
  prefix: string
  /** What is wanted now; asked at each look. */
  wanted(): readonly Wanted[]
  pump: Pick<Pump, 'inputs' | 'put'>
  sink: Pick<Sink, 'position' | 'positions'>
  onBytes(bytes: number): void
  /** How long a file with a position must be away before its position is forgotten, ms. */
  forgetMs: number
  /** How long nobody must have wanted a file that is there. */
  unwantedMs?: number
}

export interface FileSet {
  /** Opens what is new, drops what is gone. Does not reject. */
  look(nowMs: number): Promise<void>
  /** Of the last look. */
  trouble(): string | undefined
}

interface Open {
  input: PlainInput
  /** As JSON. */
  identity: string
}

/** Keeps an input open in the pump for each file that is wanted, through its rotations. */
export function openFileSet(options: FileSetOptions): FileSet {
  const { prefix, pump, sink, forgetMs, unwantedMs = 3_600_000 } = options
  const files = new Map<string, Open>()
  /** What stood at the path of an input that has not opened it yet. */
  const expected = new Map<PlainInput, Stats>()
  /** Since when nothing is found at the paths of inputs. */
  const missingMs = new Map<string, number>()
  /** Since when nobody wants these paths, which have a position. */
  const unwanted = new Map<string, number>()
  let troubles = new Map<string, string>()
  let isFirstLook = true

  async function look(nowMs: number): Promise<void> {
    const wanted = options.wanted()
    const told: Told = new Map()
    if (isFirstLook) openRemembered(wanted, nowMs)
    isFirstLook = false
    const found = await find(wanted, told)
    const paths = [...found.keys()]
    for (const [path, by] of found) {
      unwanted.delete(path)
      if (paths.some((base) => base !== path && isRotationOf(path, base))) continue
      const known = files.get(path)
      if (known) {
        identify(path, known, by)
        continue
      }
      const rotated = paths.some((other) => other !== path && isRotationOf(other, path))
      const stat = readable(path, by, told)
      if (stat) expected.set(open(path, by, rotated), stat)
    }
    release(wanted, nowMs)
    dropMissing(nowMs)
    troubles = told
  }

  /** A file that was rotated while nobody was here may be found under its new name only. */
  function openRemembered(wanted: readonly Wanted[], nowMs: number): void {
    for (const key of sink.positions(prefix)) {
      const path = key.slice(prefix.length)
      const by = wanted.find(({ pattern }) => matchesGlob(path, pattern))
      if (by) open(path, by, false)
      else unwanted.set(path, nowMs)
    }
  }

  async function find(wanted: readonly Wanted[], told: Told): Promise<Map<string, Wanted>> {
    const found = new Map<string, Wanted>()
    for (const by of wanted) {
      const { pattern } = by
      let matches = 0
      try {
        for await (const path of glob(pattern)) {
          matches++
          if (!found.has(path)) found.set(path, by)
        }
        if (matches === 0) {
          told.set(pattern, `no file matches ${pattern}: it is looked for every second`)
        }
      } catch (error) {
        told.set(pattern, `${pattern} cannot be looked up: ${explain(error)}`)
      }
    }
    return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** Not folders and pipes, not what another input has under another name, and (told) not what is forbidden. */
  function readable(path: string, { pattern, below }: Wanted, told: Told): Stats | undefined {
    try {
      const stat = statSync(path)
      if (!stat.isFile()) {
        if (pattern === path) told.set(path, noFile(path, stat.isDirectory()))
        return undefined
      }
      if (below !== undefined && !isBelow(path, below)) {
        told.set(path, `${path} is a link to elsewhere: it is not read`)
        return undefined
      }
      accessSync(path, constants.R_OK)
      return [...files.values()].some(({ input }) => holds(input, stat)) ? undefined : stat
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

  function open(path: string, by: Wanted, history: boolean): PlainInput {
    const key = prefix + path
    const identity = by.identity(path)
    const input = openPlainFile({
      ...options,
      key,
      path,
      history,
      identity,
      position: sink.position(key) as PlainPosition | undefined,
      confined: by.below !== undefined,
    })
    files.set(path, { input, identity: JSON.stringify(identity) })
    pump.inputs.set(key, input)
    return input
  }

  function identify(path: string, known: Open, by: Wanted): void {
    const identity = by.identity(path)
    const json = JSON.stringify(identity)
    if (json === known.identity) return
    known.identity = json
    known.input.identify(identity)
  }

  /** What nobody wants any more is read to its end; its position stays a while, for somebody who wants it again. */
  function release(wanted: readonly Wanted[], nowMs: number): void {
    for (const [path, { input }] of files) {
      if (wanted.some(({ pattern }) => matchesGlob(path, pattern))) continue
      const sinceMs = unwanted.get(path) ?? nowMs
      unwanted.set(path, sinceMs)
      if (nowMs === sinceMs || !input.caughtUp() || input.waitingSince() !== undefined) continue
      input.close()
      pump.inputs.delete(prefix + path)
      forget(path, input)
    }
    for (const [path, sinceMs] of unwanted) {
      if (nowMs - sinceMs < unwantedMs || files.has(path)) continue
      unwanted.delete(path)
      pump.put({ positions: { [prefix + path]: null } })
    }
  }

  function forget(path: string, input: PlainInput): void {
    files.delete(path)
    expected.delete(input)
    missingMs.delete(path)
  }

  function dropMissing(nowMs: number) {
    for (const [path, { input }] of files) {
      if (!pump.inputs.has(prefix + path)) forget(path, input)
      else if (!input.idle()) missingMs.delete(path)
      else {
        const since = missingMs.get(path) ?? nowMs
        missingMs.set(path, since)
        if (nowMs - since >= forgetMs) input.gone()
      }
    }
  }

  return { look, trouble: () => troubles.values().next().value }
}

/** What is wrong, by path or pattern. */
type Told = Map<string, string>

function isBelow(path: string, folder: string): boolean {
  return realpathSync(path).startsWith(join(realpathSync(folder), '/'))
}

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
