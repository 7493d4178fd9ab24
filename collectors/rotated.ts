import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  unlinkSync,
} from 'node:fs'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { errorCode } from '../pipeline/errors.ts'

/** An open file of a log: the current one or one that was rotated away. `dev` and `ino` are of the name's own file. */
export interface OpenLog {
  name: string
  fd: number
  dev: number
  ino: number
  /** When it was made, ms; an inode that is used again has another. */
  bornMs: number
  /** Of a compressed one: when it was written last, ms. */
  writtenMs?: number
}

const numbered = /^\.(\d{1,9})(\.gz)?$/
const dated = /^-(\d{8,14})(\.gz)?$/

/** Where `name` stands among the rotations of `base`: higher is older; undefined if it is none. */
function ageOf(name: string, base: string): number | undefined {
  if (!name.startsWith(base)) return undefined
  const ending = name.slice(base.length)
  const number = numbered.exec(ending)?.[1]
  if (number !== undefined) return Number(number)
  const date = dated.exec(ending)?.[1]
  return date === undefined ? undefined : 1e15 - Number(date.padEnd(14, '0'))
}

/** Whether `path` is what rotating `base` leaves behind (`base.3`, `base.3.gz`, `base-20261122`). */
export function isRotationOf(path: string, base: string): boolean {
  return ageOf(path, base) !== undefined
}

/**
 * The names of a log's files, the current one first, then from the youngest to the oldest. A rotation that happens
 * while they are opened in this order moves a file to a name that is still to come, so none is missed; therefore
 * numbered names are among them whether they are there now or not.
 */
export function rotationNames(path: string): string[] {
  const folder = dirname(path)
  const base = basename(path)
  const names = namesIn(folder)
  const numbers = names.map((name) => Number(numberOf(name, base) ?? 0))
  const last = Math.max(0, ...numbers.filter((number) => number <= maxNumber))
  const numberedNames = Array.from({ length: last + shifts }, (_, n) => `${path}.${n + 1}`)
  const datedNames = names
    .filter((name) => ageOf(name, base) !== undefined && numberOf(name, base) === undefined)
    .toSorted((a, b) => (ageOf(a, base) as number) - (ageOf(b, base) as number))
  return [
    path,
    // The uncompressed one first: while it is there the other may be unfinished.
    ...numberedNames.flatMap((name) => [name, `${name}.gz`]),
    ...datedNames.map((name) => join(folder, name)),
  ]
}

/** So many rotations may happen while files are opened. */
const shifts = 8
/** A higher number is no rotation's but something else's (`app.log.20261122`). */
const maxNumber = 1000

function numberOf(name: string, base: string): string | undefined {
  if (!name.startsWith(base)) return undefined
  const number = numbered.exec(name.slice(base.length))?.[1]
  return number === undefined || Number(number) > maxNumber ? undefined : number
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return []
    throw error
  }
}

/**
 * Opens a file of a log; undefined if it is not there (any more) or no regular file, `broken` if it cannot be
 * unpacked (yet). Throws EACCES and the like.
 *
 * `confined`: who writes the log is not to be trusted, and we may read more than they. Then only what really is in
 * the folder counts, no links, and what becomes huge when it is unpacked is broken.
 */
export async function openLogFile(
  name: string,
  confined = false,
  maxBytes: number = confined ? maxUnpackedBytes : Infinity,
): Promise<OpenLog | 'broken' | undefined> {
  let fd: number
  try {
    // Without O_NONBLOCK the opening of a named pipe would hang.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK
    fd = openSync(name, confined ? flags | constants.O_NOFOLLOW : flags)
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || (confined && code === 'ELOOP')) return undefined
    throw error
  }
  const stat = fstatSync(fd)
  if (!stat.isFile() || (confined && !isWithin(fd, dirname(name)))) {
    closeSync(fd)
    return undefined
  }
  const of = { name, dev: stat.dev, ino: stat.ino, bornMs: stat.birthtimeMs }
  if (!name.endsWith('.gz')) return { ...of, fd }
  return unpacked({ ...of, writtenMs: stat.mtimeMs }, fd, maxBytes)
}

/** Whether the open file is in that very folder: a folder on the way may have been replaced by a link. */
function isWithin(fd: number, folder: string): boolean {
  try {
    return dirname(readlinkSync(`/proc/self/fd/${fd}`)) === folder
  } catch {
    // Only Linux tells.
    return true
  }
}

/** Far above any log that is rotated by size. */
const maxUnpackedBytes = 2 ** 30

function limitedTo(bytes: number): Transform {
  let left = bytes
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      left -= chunk.length
      if (left < 0) done(new RangeError(`more than ${bytes} bytes`))
      else done(null, chunk)
    },
  })
}

/** A compressed file is read from a nameless copy, so that it is read like any other. */
async function unpacked(
  of: Omit<OpenLog, 'fd'>,
  packed: number,
  maxBytes: number,
): Promise<OpenLog | 'broken'> {
  const folder = await mkdtemp(join(tmpdir(), 'mesoscope-gz-'))
  const copy = join(folder, 'log')
  let fd: number | undefined
  try {
    await pipeline(
      createReadStream('', { fd: packed, start: 0 }),
      createGunzip(),
      limitedTo(maxBytes),
      createWriteStream(copy, { mode: 0o600 }),
    )
    fd = openSync(copy, 'r')
  } catch {
    // Perhaps it is still being written.
    return 'broken'
  } finally {
    unlinkQuietly(copy)
    await rmdir(folder)
  }
  return { ...of, fd }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}
