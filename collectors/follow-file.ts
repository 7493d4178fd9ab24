import { closeSync, fstatSync, read as readFd } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { isSame, openFileFinder, statOf, type FoundFile } from './find-files.ts'
import { beginsAs, fingerprintBytes, fingerprintOf, type Fingerprint } from './fingerprint.ts'

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
  /** Who writes the log is not to be trusted: links out of its folder are not followed. */
  confined?: boolean | undefined
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
  /** When the file was written last, ms: its lines are not younger. */
  writtenMs: number
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
  /** True if all that was found has been read (though perhaps not consumed). */
  caughtUp(): boolean
  /** True once the log was deleted and everything was read. */
  ended(): boolean
  holds(dev: number, ino: number): boolean
  /** When it was looked last, where that is not with each `look`, ms. */
  lookedMs?(): number
  /** Nothing more can be read of it. */
  lose?(): void
  close(): void
}

interface Held extends FoundFile {
  offset: number
  size: number
  changedMs: number
  /** The end of the file when it was last read to its end. */
  readTo: number
  stretch: OpenStretch | undefined
  /** Nobody writes to it: a copy. */
  complete?: boolean
}

/** The fingerprint is not known before the first complete line. */
export type OpenStretch = Omit<Stretch, 'fingerprint'> & { fingerprint?: Fingerprint }

/** So many unread files are held open for one log; what is rotated away beyond them can be lost. */
const maxHeld = 32

/** A deleted file that is silent for so long is given up. */
const deletedMs = 30_000

export function openFollower(options: FollowOptions): Follower {
  const { path, handoverMs, confined } = options
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
  let isResumed = false
  const finder = openFileFinder(path, confined)

  async function look(nowMs: number) {
    const stat = statOf(path, confined)
    missing = stat === undefined
    const newest = held.at(-1)
    if (newest ? !stat || isSame(newest, stat) : !stat && !resume) return
    if (held.length >= maxHeld) return
    const files = newest ? await finder.after(newest) : await firstFiles()
    const fresh = files?.map((file) => asHeld(file, nowMs)) ?? []
    // What was rotated before it was found has been silent since it was written.
    for (const file of fresh.slice(0, -1)) file.changedMs = Math.min(nowMs, writtenMsOf(file))
    if (resume && fresh[0]) {
      goOn(resume, fresh[0])
      resume = undefined
    }
    if (newest && fresh.length > 0) newest.changedMs = nowMs
    held.push(...fresh)
  }

  async function firstFiles(): Promise<FoundFile[] | undefined> {
    if (!resume) return finder.all(options.history && stretches.length === 0)
    const answer = await finder.from(stretchOf(resume.stretches, resume.at))
    isResumed = answer?.found ?? false
    return answer?.files
  }

  /** Reading goes on in this file, if it is the one in which it stopped. */
  function goOn({ stretches: saved, at }: FollowPosition, file: Held) {
    const wanted = stretchOf(saved, at)
    if (!isResumed || !wanted) return
    const offset = wanted.from + (at - wanted.base)
    const { size } = fstatSync(file.fd)
    // If it cannot have been emptied and begin the same, the place counts a gap that came after it.
    const isBeyond = options.uniqueStart && offset > size
    file.offset = isBeyond ? size : offset
    if (!isBeyond) file.stretch = stretches.find(({ base }) => base === wanted.base)
  }

  function lost(cause: Gap['cause'], bytes?: number) {
    options.onGap({ cause, at: place, ...(bytes === undefined ? {} : { bytes }) })
    place = highest = Math.max(place, highest)
  }

  /** Makes the file the one that is read: from here on it is part of the log. */
  function begin(file: Held): OpenStretch {
    if (file.gapBefore) lost('rotated')
    file.gapBefore = false
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
      const { size, nlink, mtimeMs } = fstatSync(file.fd)
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
      return {
        bytes: buffer.subarray(0, bytesRead),
        at: place,
        atEnd,
        final: over && atEnd,
        writtenMs: file.writtenMs ?? mtimeMs,
      }
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
    const { stretch, offset } = file
    const fingerprint = stretch?.fingerprint
    const copy = fingerprint && (await finder.copyOf(fingerprint, offset))
    Object.assign(file, { offset: 0, readTo: -1, stretch: undefined })
    if (copy) held.unshift({ ...asHeld(copy, nowMs), offset, stretch, complete: true })
    else lost('truncated', unread > 0 ? unread : undefined)
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
      if (fingerprint) finder.remember(fingerprint)
    }
  }

  function position(at: number): FollowPosition {
    stretches = stretchesFrom(stretches, at)
    return { at, end: highest, stretches: foundAgain(stretches) }
  }

  return {
    look,
    read,
    consume,
    position,
    stretchAt: (at) => stretchOf(stretches, at),
    place: () => place,
    idle: () => held.length === 0,
    caughtUp: () => held.length === 0 || (held.length === 1 && held[0]?.readTo === held[0]?.size),
    ended: () => ended,
    holds: (dev, ino) =>
      [...held, ...(former ? [former] : [])].some((file) => isSame(file, { dev, ino })),
    close() {
      for (const file of [...held, ...(former ? [former] : [])]) closeSync(file.fd)
      held.length = 0
      former = undefined
    },
  }
}

/** Nothing before the one where reading goes on is needed. */
export function stretchesFrom(stretches: readonly OpenStretch[], at: number): OpenStretch[] {
  const first = stretches.findLastIndex(({ fingerprint, base }) => fingerprint && base <= at)
  return stretches.slice(Math.max(0, first))
}

/** Nothing without a fingerprint can be found again. */
export function foundAgain(stretches: readonly OpenStretch[]): Stretch[] {
  return stretches.flatMap(({ fingerprint, ...one }) =>
    fingerprint ? { ...one, fingerprint } : [],
  )
}

export function stretchOf<T extends { base: number }>(stretches: readonly T[], place: number) {
  return stretches.findLast(({ base }) => base <= place)
}

function asHeld(file: FoundFile, nowMs: number): Held {
  const { size } = fstatSync(file.fd)
  return { ...file, offset: 0, size, changedMs: nowMs, readTo: -1, stretch: undefined }
}

function writtenMsOf({ fd, writtenMs }: FoundFile): number {
  return writtenMs ?? fstatSync(fd).mtimeMs
}
