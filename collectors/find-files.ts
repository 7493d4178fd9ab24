import { closeSync, fstatSync, lstatSync, statSync } from 'node:fs'
import { errorCode } from '../pipeline/errors.ts'
import { beginsAs, fingerprintBytes, fingerprintOf, type Fingerprint } from './fingerprint.ts'
import { openLogFile, rotationNames, type OpenLog } from './rotated.ts'

/** A file of a log, open. */
export interface FoundFile extends OpenLog {
  /** Something may be missing between the file before and this one. */
  gapBefore?: boolean
}

/** By what a file that was read is known again. An inode alone proves nothing: it is used again at once. */
export interface FileMark {
  dev: number
  ino: number
  fingerprint: Fingerprint
}

/**
 * Finds the files of one log, the oldest first, while somebody rotates it. Undefined is answered while that cannot be
 * done safely: try again a little later. After some tries files come with `gapBefore`.
 */
export interface FileFinder {
  /** The current file and, with `rotated`, all there is. */
  all(rotated: boolean): Promise<FoundFile[] | undefined>
  /** What came after the newest file known, which is open. */
  after(newest: OpenLog): Promise<FoundFile[] | undefined>
  /** The marked file, first, and what came after it; without it (`found` false) all there is. */
  from(mark: FileMark | undefined): Promise<{ found: boolean; files: FoundFile[] } | undefined>
  /** A copy that somebody made of at least `bytes` of a file before emptying it. */
  copyOf(fingerprint: Fingerprint, bytes: number): Promise<FoundFile | undefined>
  /** Files that begin so were read: they are not found as new ones. */
  remember(fingerprint: Fingerprint): void
}

const maxTries = 3
/** The beginnings of so many files are remembered. */
const maxHeads = 1000

/** `confined`: see {@link openLogFile}. */
export function openFileFinder(path: string, confined = false): FileFinder {
  const readHeads = new Set<string>()
  let tries = 0
  /** A compressed file could not be unpacked when the files were last opened. */
  let hasBroken = false

  /**
   * Opens the named files, from the youngest to the oldest, up to one that `isLast`; answers the others, the oldest
   * first. The same file under two names, or with its compressed copy, comes once.
   *
   * Rotations meanwhile only move files to names that are still to come. So none is missed; and where a younger one
   * gets behind an older one, the older one is met again further on: the last meeting tells the order.
   */
  async function openUntil(names: string[], isLast: (file: FoundFile) => boolean) {
    let files: FoundFile[] = []
    hasBroken = false
    for (const name of names) {
      if (files.some((other) => name === `${other.name}.gz`)) continue
      const file = await openLogFile(name, confined)
      hasBroken ||= file === 'broken'
      if (!file || file === 'broken') continue
      const known = files.find((other) => isCopy(file, other))
      if (known) {
        closeSync(file.fd)
        files = [known, ...files.filter((other) => other !== known)]
      } else if (isLast(file)) return { files, last: file }
      else files = [file, ...files]
    }
    return { files, last: undefined }
  }

  /** False when it was tried often enough; else the files are closed, to be looked for again. */
  function triesAgain(files: FoundFile[]): boolean {
    if (++tries >= maxTries) return false
    for (const file of files) closeSync(file.fd)
    return true
  }

  function settled<T>(answer: T): T {
    tries = 0
    return answer
  }

  /** Marks where files may be missing: before the first, and anywhere if some could not be unpacked. */
  function withGaps(files: FoundFile[]): FoundFile[] {
    for (const file of hasBroken ? files : files.slice(0, 1)) file.gapBefore = true
    return files
  }

  function wasRead(file: FoundFile): boolean {
    const head = fingerprintOf(file.fd, fingerprintBytes)
    return head !== undefined && readHeads.has(head.hash)
  }

  return {
    async all(rotated) {
      const { files } = await openUntil(rotated ? rotationNames(path) : [path], () => false)
      if (!hasBroken) return settled(files)
      return triesAgain(files) ? undefined : settled(withGaps(files))
    },

    async after(newest) {
      const { files, last } = await openUntil(rotationNames(path), (file) => isCopy(file, newest))
      if (last) closeSync(last.fd)
      if (last && !hasBroken) return settled(files)
      if (triesAgain(files)) return undefined
      const unread = files.filter((file) => !wasRead(file))
      for (const file of files) if (!unread.includes(file)) closeSync(file.fd)
      return settled(withGaps(unread))
    },

    async from(mark) {
      const begins = (file: FoundFile) => mark !== undefined && beginsAs(file.fd, mark.fingerprint)
      const isMarked = (file: FoundFile) => mark !== undefined && isSame(file, mark) && begins(file)
      const { files, last } = await openUntil(rotationNames(path), isMarked)
      // A copy (copytruncate, gzip, a restored backup) has another inode.
      const marked = last ?? files.findLast(begins)
      const all = last ? [last, ...files] : files
      const isSure = (marked || !mark) && !hasBroken
      if (!isSure && triesAgain(all)) return undefined
      if (!marked) return settled({ found: false, files: mark ? withGaps(files) : files })
      const at = all.indexOf(marked)
      for (const older of all.slice(0, at)) closeSync(older.fd)
      const younger = all.slice(at + 1)
      return settled({ found: true, files: [marked, ...(isSure ? younger : withGaps(younger))] })
    },

    async copyOf(fingerprint, bytes) {
      // Who copies and truncates compresses, if at all, at the next rotation.
      const names = rotationNames(path).filter((name) => name !== path && !name.endsWith('.gz'))
      const isCopied = (file: FoundFile) =>
        fstatSync(file.fd).size >= bytes && beginsAs(file.fd, fingerprint)
      const { files, last } = await openUntil(names, isCopied)
      for (const file of files) closeSync(file.fd)
      return last
    },

    remember({ length, hash }) {
      if (length < fingerprintBytes) return
      readHeads.add(hash)
      if (readHeads.size > maxHeads) readHeads.delete(readHeads.values().next().value as string)
    },
  }
}

export function isSame(a: { dev: number; ino: number }, b: { dev: number; ino: number }): boolean {
  return a.ino === b.ino && a.dev === b.dev
}

/** The same file under another name, or its compressed copy. */
function isCopy(file: OpenLog, known: OpenLog): boolean {
  if (isSame(file, known)) return true
  if (!file.name.endsWith('.gz') && !known.name.endsWith('.gz')) return false
  const head = fingerprintOf(known.fd, Math.min(fstatSync(known.fd).size, fingerprintBytes))
  return head !== undefined && head.length > 0 && beginsAs(file.fd, head)
}

/** Undefined if there is nothing, `confined` also if it is a link; throws EACCES and the like. */
export function statOf(path: string, confined = false) {
  try {
    if (!confined) return statSync(path)
    const stat = lstatSync(path)
    return stat.isSymbolicLink() ? undefined : stat
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}
