import { closeSync, fstatSync, read as readFd, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { errorCode } from '../pipeline/errors.ts'
import { beginsAs, fingerprintBytes, fingerprintOf, type Fingerprint } from './fingerprint.ts'
import { openLogFile, rotationNames } from './rotated.ts'

const readAt = promisify(readFd)

/**
 * A stretch of one file. A log that rotates is one long text; a *place* in it is the number of bytes before it,
 * counted since the log was first read. `base` is the place of the file's byte `from`.
 */
export interface Stretch {
  base: number
  from: number
  /** Counts the files (and the truncations) of this log, from 0. */
  generation: number
  dev: number
  ino: number
  /** When the file was made, ms. */
  bornMs: number
  fingerprint: Fingerprint
}

/** Where to go on, as it was stored: a JSON value. */
export interface FollowPosition {
  /** The place to read next. */
  at: number
  /** The highest place that was read. */
  end: number
  stretches: Stretch[]
}

/** Text that was gone before it was read. */
export interface Gap {
  /** `rotated`: files were rotated away or removed; `truncated`: the file was emptied. */
  cause: 'rotated' | 'truncated'
  /** The place where text is missing. */
  at: number
  /** How much at least, where that is known. */
  bytes?: number
}

export interface FollowOptions {
  path: string
  position?: FollowPosition | undefined
  /** Read what was rotated before the log was first seen, too. */
  history: boolean
  /** No two files of this log begin alike (each line tells its own time): a beginning is proof enough. */
  uniqueStart: boolean
  /**
   * How long a file that was replaced or deleted must be silent before it is taken for complete, ms. 0 where whoever
   * rotates it has closed it before (Docker); else its writer may go on until it is told to open the new one.
   */
  handoverMs: number
  onGap(gap: Gap): void
}

export interface Chunk {
  /** A view of the caller's buffer. */
  bytes: Buffer
  /** The place of its first byte. */
  at: number
  /** True if it reaches to where the file ends now. */
  atEnd: boolean
  /** True if nothing can follow in this file: a rest without a newline is all there will be. */
  final: boolean
}

/** Follows one log through rotation, truncation, renaming and deletion. All times are ms. */
export interface Follower {
  /** Opens files that are new; throws what the file system says except that nothing is there. */
  look(nowMs: number): Promise<void>
  /**
   * Up to `buffer.length` unread bytes, or undefined if there are none now. Bytes that were read before and not
   * consumed (an unfinished line) come again only when there are more of them, or with `again`.
   */
  read(buffer: Buffer, nowMs: number, again?: boolean): Promise<Chunk | undefined>
  /** Moves on by so many of the bytes just read; the others come again. */
  consume(bytes: number): void
  /** What must be stored to read on from `at`. */
  position(at: number): FollowPosition
  /** The stretch in which a place lies. */
  stretchAt(place: number): Omit<Stretch, 'fingerprint'> | undefined
  place(): number
  /** True if no file is open: none was found yet, or `ended`. */
  idle(): boolean
  /** True once the log was deleted and everything was read. */
  ended(): boolean
  holds(dev: number, ino: number): boolean
  close(): void
}

interface Held {
  name: string
  fd: number
  dev: number
  ino: number
  bornMs: number
  offset: number
  size: number
  changedMs: number
  /** The end of the file when it was last read to its end. */
  readTo: number
  stretch: OpenStretch | undefined
  /** Something may be missing between the file before and this one. */
  gapBefore?: boolean
  /** Nobody writes to it: a copy. */
  complete?: boolean
}

/** The fingerprint is not known before the first complete line. */
type OpenStretch = Omit<Stretch, 'fingerprint'> & { fingerprint?: Fingerprint }

/** So many unread files are held open for one log; what is rotated away beyond them can be lost. */
const maxHeld = 32

const maxMisses = 3
/** The beginnings of so many files are remembered, to know them again. */
const maxHeads = 1000

/** A deleted file that is silent for so long is given up. */
const deletedMs = 30_000

export function openFollower(options: FollowOptions): Follower {
  const { path, handoverMs } = options
  /** Files to read, the oldest first. */
  const held: Held[] = []
  /** The file before, which a writer that was not told may still write to. */
  let former: Held | undefined
  let stretches: OpenStretch[] =
    options.position?.stretches.map((stretch) => ({ ...stretch })) ?? []
  let resume = options.position
  let place = options.position?.at ?? 0
  let highest = options.position?.end ?? 0
  let missing = true
  let ended = false
  /** How often in a row the newest file known was not found among its rotations. */
  let misses = 0
  const readHeads = new Set<string>()

  async function look(nowMs: number) {
    const stat = statOf(path)
    missing = stat === undefined
    const newest = held.at(-1)
    if (newest ? !stat || same(newest, stat) : !stat && !resume) return
    if (held.length >= maxHeld) return
    const fresh = newest ? await openYounger(newest, nowMs) : await openFirst(nowMs)
    if (newest && fresh.length > 0) newest.changedMs = nowMs
    held.push(...fresh)
  }

  /** The files that came after the newest one known, the oldest first. */
  async function openYounger(newest: Held, nowMs: number): Promise<Held[]> {
    const fresh: Held[] = []
    for await (const file of openAll(rotationNames(path), nowMs)) {
      if (isCopy(file, newest)) {
        closeSync(file.fd)
        misses = 0
        return fresh
      }
      fresh.unshift(file)
    }
    if (++misses < maxMisses) {
      // Rotations went on while the files were opened.
      for (const file of fresh) closeSync(file.fd)
      return []
    }
    misses = 0
    const unread = fresh.filter((file) => !wasRead(file))
    for (const file of fresh) if (!unread.includes(file)) closeSync(file.fd)
    if (unread[0]) unread[0].gapBefore = true
    return unread
  }

  function wasRead(file: Held): boolean {
    const head = fingerprintOf(file.fd, fingerprintBytes)
    return head !== undefined && readHeads.has(head.hash)
  }

  async function openFirst(nowMs: number): Promise<Held[]> {
    if (resume) return openResumed(resume, nowMs)
    const names = options.history && stretches.length === 0 ? rotationNames(path) : [path]
    const files: Held[] = []
    for await (const file of openAll(names, nowMs)) files.unshift(file)
    return files
  }

  /** The file in which reading stopped, at that place, and all that came after it. */
  async function openResumed({ stretches: saved, at }: FollowPosition, nowMs: number) {
    const wanted = stretchOf(saved, at)
    const files: Held[] = []
    let found: Held | undefined
    for await (const file of openAll(rotationNames(path), nowMs)) {
      files.unshift(file)
      if (wanted && same(file, wanted) && beginsAs(file.fd, wanted.fingerprint)) found = file
      if (found) break
    }
    // A copy (copytruncate, gzip, a restored backup) has another inode.
    found ??= wanted && files.findLast((file) => beginsAs(file.fd, wanted.fingerprint))
    if (found && wanted) {
      for (const older of files.splice(0, files.indexOf(found))) closeSync(older.fd)
      found.stretch = stretches.find(({ base }) => base === wanted.base)
      found.offset = wanted.from + (at - wanted.base)
      const { size } = fstatSync(found.fd)
      // It cannot have been emptied and begin the same: the place counts a gap that came after it.
      if (options.uniqueStart && found.offset > size) {
        Object.assign(found, { offset: size, stretch: undefined })
      }
    } else if (files[0]) files[0].gapBefore = true
    if (files.length > 0) resume = undefined
    return files
  }

  /** Opens the named files one by one; the same file under two names, or with its compressed copy, comes once. */
  async function* openAll(names: string[], nowMs: number) {
    const seen: Held[] = []
    for (const name of names) {
      const file = await openHeld(name, nowMs)
      if (file && seen.some((other) => isCopy(file, other))) closeSync(file.fd)
      else if (file) {
        seen.push(file)
        yield file
      }
    }
  }

  function lost(cause: Gap['cause'], bytes?: number) {
    options.onGap({ cause, at: place, ...(bytes === undefined ? {} : { bytes }) })
    place = highest = Math.max(place, highest)
  }

  /** Makes the file the one that is read: from here on it is part of the log. */
  function begin(file: Held): OpenStretch {
    if (file.gapBefore) lost('rotated')
    const known = stretches.find(
      ({ base, from, fingerprint }) =>
        base >= place &&
        from === file.offset &&
        fingerprint !== undefined &&
        beginsAs(file.fd, fingerprint),
    )
    const base = known?.base ?? Math.max(place, highest)
    const generation = known?.generation ?? 1 + (stretches.at(-1)?.generation ?? -1)
    const { dev, ino, bornMs, offset: from } = file
    const stretch: OpenStretch = { ...known, base, from, generation, dev, ino, bornMs }
    stretches = [...stretches.filter((other) => other !== known), stretch].toSorted(
      (a, b) => a.base - b.base,
    )
    place = base
    highest = Math.max(highest, place)
    return (file.stretch = stretch)
  }

  async function read(buffer: Buffer, nowMs: number, again = false) {
    returnToFormer(nowMs)
    for (;;) {
      const file = held[0]
      if (!file) return undefined
      const stretch = file.stretch ?? begin(file)
      const { size, nlink } = fstatSync(file.fd)
      const unread = file.size - file.offset
      if (size !== file.size) Object.assign(file, { size, changedMs: nowMs })
      if (wasRewritten(file, stretch)) {
        await restart(file, unread, nowMs)
        continue
      }
      const over = isOver(file, nlink, nowMs)
      if (size === file.offset) {
        file.readTo = size
        if (!over) return undefined
        advance(file)
        continue
      }
      if (size === file.readTo && !over && !again) return undefined
      const length = Math.min(buffer.length, size - file.offset)
      const { bytesRead } = await readAt(file.fd, buffer, 0, length, file.offset)
      if (bytesRead === 0) return undefined
      const atEnd = file.offset + bytesRead === size
      file.readTo = atEnd ? size : -1
      return { bytes: buffer.subarray(0, bytesRead), at: place, atEnd, final: over && atEnd }
    }
  }

  /** Smaller than what was read of it, or grown again and beginning otherwise: emptied and written anew. */
  function wasRewritten(file: Held, stretch: OpenStretch): boolean {
    if (file.size < file.offset) return true
    const grewAfterEnd = file.readTo >= 0 && file.size !== file.readTo
    return (
      grewAfterEnd && stretch.fingerprint !== undefined && !beginsAs(file.fd, stretch.fingerprint)
    )
  }

  /** The file was emptied. Who did it may have kept a copy first (logrotate's copytruncate). */
  async function restart(file: Held, unread: number, nowMs: number) {
    const copy = await copyOf(file, nowMs)
    const { stretch } = file
    Object.assign(file, { offset: 0, readTo: -1, stretch: undefined })
    if (copy) held.unshift({ ...copy, stretch, complete: true })
    else lost('truncated', unread > 0 ? unread : undefined)
  }

  async function copyOf({ stretch, offset }: Held, nowMs: number): Promise<Held | undefined> {
    const fingerprint = stretch?.fingerprint
    if (!fingerprint) return undefined
    let found: Held | undefined
    for await (const file of openAll(rotationNames(path).slice(1, 3), nowMs)) {
      const fits = !found && fstatSync(file.fd).size >= offset && beginsAs(file.fd, fingerprint)
      if (fits) found = { ...file, offset }
      else closeSync(file.fd)
    }
    return found
  }

  /** Whether nobody will write to the file any more. */
  function isOver(file: Held, nlink: number, nowMs: number): boolean {
    if (file.complete) return true
    const silentMs = nowMs - file.changedMs
    if (held.length > 1) return silentMs >= handoverMs
    if (nlink > 0 || !missing) return false
    // A deleted file is still written to by who has it open; Docker takes the folder away only after closing it.
    return handoverMs > 0 ? silentMs >= deletedMs : statOf(dirname(path)) === undefined
  }

  function advance(file: Held) {
    held.shift()
    if (former) closeSync(former.fd)
    former = undefined
    ended = held.length === 0
    if (handoverMs > 0 && !ended && !file.complete) former = file
    else closeSync(file.fd)
  }

  /** A writer that had not opened the new file yet has written to the one before. */
  function returnToFormer(nowMs: number) {
    if (!former || fstatSync(former.fd).size <= former.offset) return
    const file = former
    former = undefined
    // The file that is read now goes on in a new stretch afterwards.
    const current = held[0]
    if (current) current.stretch = undefined
    held.unshift({ ...file, stretch: undefined, changedMs: nowMs, readTo: -1 })
  }

  function consume(bytes: number) {
    const file = held[0]
    const stretch = file?.stretch
    if (!file || !stretch || bytes === 0) return
    file.offset += bytes
    place += bytes
    highest = Math.max(highest, place)
    const known = stretch.fingerprint?.length ?? 0
    if (known === 0 || (known < fingerprintBytes && file.offset >= fingerprintBytes)) {
      const fingerprint = fingerprintOf(file.fd, file.offset)
      if (fingerprint) stretch.fingerprint = fingerprint
      if (fingerprint?.length === fingerprintBytes) remember(fingerprint)
    }
  }

  function remember({ hash }: Fingerprint) {
    readHeads.add(hash)
    if (readHeads.size > maxHeads) readHeads.delete(readHeads.values().next().value as string)
  }

  function position(at: number): FollowPosition {
    // Nothing without a fingerprint can be found again; nothing before the one where reading goes on is needed.
    const found = (stretch: OpenStretch): stretch is Stretch => stretch.fingerprint !== undefined
    const first = stretches.findLastIndex((stretch) => found(stretch) && stretch.base <= at)
    stretches = stretches.slice(Math.max(0, first))
    return { at, end: highest, stretches: stretches.filter(found).map((one) => ({ ...one })) }
  }

  return {
    look,
    read,
    consume,
    position,
    stretchAt: (at) => stretchOf(stretches, at),
    place: () => place,
    idle: () => held.length === 0,
    ended: () => ended,
    holds: (dev, ino) =>
      [...held, ...(former ? [former] : [])].some((file) => same(file, { dev, ino })),
    close() {
      for (const file of [...held, ...(former ? [former] : [])]) closeSync(file.fd)
      held.length = 0
      former = undefined
    },
  }
}

function stretchOf<T extends { base: number }>(stretches: readonly T[], place: number) {
  return stretches.findLast(({ base }) => base <= place)
}

async function openHeld(name: string, nowMs: number): Promise<Held | undefined> {
  const file = await openLogFile(name)
  if (!file) return undefined
  return { ...file, offset: 0, size: 0, changedMs: nowMs, readTo: -1, stretch: undefined }
}

function same(a: { dev: number; ino: number }, b: { dev: number; ino: number }): boolean {
  return a.ino === b.ino && a.dev === b.dev
}

/** The same file under another name, or its compressed copy. */
function isCopy(file: Held, known: Held): boolean {
  if (same(file, known)) return true
  if (!file.name.endsWith('.gz') && !known.name.endsWith('.gz')) return false
  const head = fingerprintOf(known.fd, Math.min(fstatSync(known.fd).size, fingerprintBytes))
  return head !== undefined && head.length > 0 && beginsAs(file.fd, head)
}

function statOf(path: string) {
  try {
    return statSync(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}
