import { mostBytes, type RemoteFile } from './agent-files.ts'
import { fingerprintBytes, hashOf, type Fingerprint } from './fingerprint.ts'
import {
  foundAgain,
  stretchesFrom,
  stretchOf,
  type FollowPosition,
  type Follower,
  type Gap,
  type OpenStretch,
} from './follow-file.ts'
import { maxPlainPiece } from './frame.ts'
import { agesIn } from './remote-rotation.ts'

/** What a directory held when it was asked. */
export interface Listing {
  files: readonly RemoteFile[]
  /** When it was asked, ms. */
  atMs: number
}

export interface RemoteLogOptions {
  /** `stdout`; its rotations are `stdout.1`, the youngest, and so on. */
  base: string
  position: FollowPosition | undefined
  /** The newest one; undefined before the first. */
  listing(): Listing | undefined
  /** Undefined where there is no such file. Throws. */
  read(name: string, offset: number, length: number): Promise<Buffer | undefined>
  onGap(gap: Gap): void
}

/** The file that is read. */
interface Current {
  /** 0 is the one that is written to. */
  age: number
  offset: number
  size: number
  writtenMs: number
  changedMs: number
  /** Its end when it was last read to it. */
  readTo: number
  stretch: OpenStretch | undefined
  /** Its beginning, as far as it was consumed and a fingerprint needs it. */
  head: Buffer
  /** What was consumed last: what follows must follow that. */
  tail: Buffer
  gapBefore: boolean
}

/** By what a file is known again, whatever its name. */
interface Mark {
  fingerprint: Fingerprint
  /** So much of it was read. */
  offset: number
  /** What was read last. */
  tail?: Buffer
}

const tailBytes = 256
/** Who rotates has closed the file by then. */
const handoverMs = 2_000

/**
 * Follows one log over HTTP, where there are no descriptors to hold and no inodes: files are known by what they begin
 * with and by what was read of them last, and each answer is held to both, since a name may stand for another file by
 * the time it is read. What is rotated away is finished first; what cannot be found again is a gap.
 */
export function openRemoteLog(options: RemoteLogOptions): Follower {
  const { base, onGap } = options
  let current: Current | undefined
  let resume = options.position
  let stretches: OpenStretch[] = resume?.stretches.map((stretch) => ({ ...stretch })) ?? []
  let place = resume?.at ?? 0
  let highest = resume?.end ?? 0
  let seen: Listing | undefined
  let ages = new Map<number, RemoteFile>()
  /** What `.1` looked like: it changes with each rotation. */
  let rotated: string | undefined
  let mustLocate = false
  let ended = false
  let chunk: Buffer = Buffer.alloc(0)
  const finished = new Set<string>()
  /** The file before: it stands behind the one that is read. */
  let former: Mark | undefined
  let isLost = false

  const nameOf = (age: number) => (age === 0 ? base : `${base}.${age}`)
  const oldest = () => [...ages.keys()].toSorted((a, b) => b - a)

  function open(age: number, more: Partial<Current> = {}): Current {
    const { size = 0, writtenMs = 0 } = ages.get(age) ?? {}
    const none = Buffer.alloc(0)
    const fresh = { age, offset: 0, size, writtenMs, changedMs: 0, readTo: -1, stretch: undefined }
    return { ...fresh, head: none, tail: none, gapBefore: false, ...more }
  }

  async function look(nowMs: number): Promise<void> {
    const listing = options.listing()
    if (ended || !listing || listing === seen) return
    const before = rotated
    ages = agesIn(base, listing.files)
    const youngest = ages.get(1)
    const now = youngest ? `${youngest.size}:${youngest.writtenMs}` : ''
    const isTurned = before !== undefined && before !== now
    const file = current && ages.get(current.age)
    const isShorter = current && file ? file.size < current.offset : true
    if (resume) await goOn(resume)
    else if (!current) start()
    else if (isTurned || isShorter || mustLocate) await relocate(isTurned)
    mustLocate = false
    rotated = now
    seen = listing
    note(nowMs)
  }

  /** What the listing tells of the file that is read. */
  function note(nowMs: number): void {
    const file = current && ages.get(current.age)
    if (!current || !file) return
    if (file.size !== current.size) current.changedMs = nowMs
    Object.assign(current, { size: file.size, writtenMs: file.writtenMs })
  }

  /** From the oldest file; later, from what is left behind a gap. */
  function start(): void {
    const age = oldest()[0]
    if (age !== undefined) current = open(age, { gapBefore: isLost })
    if (current) isLost = false
  }

  async function goOn({ stretches: saved, at }: FollowPosition): Promise<void> {
    const wanted = stretchOf(saved, at)
    const offset = wanted ? wanted.from + (at - wanted.base) : 0
    if (ages.size === 0) return
    const order = oldest().toReversed()
    const age = wanted && (await find(order, { fingerprint: wanted.fingerprint, offset }))
    resume = undefined
    if (age === undefined) {
      isLost = wanted !== undefined
      return start()
    }
    current = open(age, {
      offset,
      stretch: stretches.find(({ base: one }) => one === wanted?.base),
    })
  }

  /** The first of them that is the marked file. */
  async function find(order: readonly number[], mark: Mark): Promise<number | undefined> {
    for (const age of order) {
      if ((ages.get(age)?.size ?? -1) >= mark.offset && (await isAt(age, mark))) return age
    }
    return undefined
  }

  /** Whether it begins so, and has the bytes that were read last where they were. */
  async function isAt(age: number, { fingerprint, offset, tail }: Mark): Promise<boolean> {
    if ((await headOf(age, fingerprint.length)) !== fingerprint.hash) return false
    if (!tail || tail.length === 0) return true
    const last = await options.read(nameOf(age), offset - tail.length, tail.length)
    return last?.equals(tail) ?? false
  }

  async function headOf(age: number, length: number): Promise<string | undefined> {
    const head = await options.read(nameOf(age), 0, length)
    return head && head.length === length ? hashOf(head) : undefined
  }

  /** Something was rotated, emptied or removed: the file that is read may have another name now. */
  async function relocate(isTurned: boolean): Promise<void> {
    const { age, offset, tail, stretch } = current as Current
    const fingerprint = stretch?.fingerprint
    if (!fingerprint) return relocateUnread(isTurned)
    const older = [...ages.keys()].filter((one) => one > age).toSorted((a, b) => a - b)
    // A file that begins the same stands behind it only after a rotation.
    const order = isTurned || mustLocate ? [...older, age] : [age, ...older]
    const found = await find(order, { fingerprint, offset, tail })
    if (found === undefined) return giveUp(isTurned)
    ;(current as Current).age = found
    // It came and went between two looks.
    if (isTurned && age === 0 && found === 0 && !(await isFormer(1))) lost('rotated')
  }

  /** Nothing of it was consumed: it is the one before the file that was read before it. */
  async function relocateUnread(isTurned: boolean): Promise<void> {
    const one = current as Current
    if (!former) return restart()
    const order = [...ages.keys()].toSorted((a, b) => a - b).filter((age) => age > one.age)
    const behind = await find(order, former)
    if (behind === undefined) return giveUp(isTurned || mustLocate)
    Object.assign(one, { age: behind - 1, readTo: -1 })
  }

  function restart(): void {
    current = undefined
    start()
  }

  async function isFormer(age: number): Promise<boolean> {
    return former !== undefined && (await isAt(age, former))
  }

  /** Where names had shifted since the listing, a file would be passed over. */
  async function isNext(age: number): Promise<boolean> {
    return former ? isFormer(age + 1) : (await options.read(nameOf(age + 1), 0, 1)) === undefined
  }

  async function giveUp(isTurned: boolean): Promise<void> {
    const { offset, size } = current as Current
    const isEmptied = !isTurned && ages.has(0) && (current as Current).age === 0
    if (isEmptied) {
      lost('truncated', size > offset ? size - offset : undefined)
      current = open(0)
      return
    }
    current = undefined
    isLost = true
    const unread: number[] = []
    for (const age of oldest()) {
      const head = await headOf(age, Math.min(fingerprintBytes, ages.get(age)?.size ?? 0))
      if (head === undefined || !finished.has(head)) unread.push(age)
    }
    if (unread[0] !== undefined) current = open(unread[0], { gapBefore: true })
    if (current) isLost = false
  }

  function lost(cause: Gap['cause'], bytes?: number): void {
    onGap({ cause, at: place, ...(bytes === undefined ? {} : { bytes }) })
    place = highest = Math.max(place, highest)
  }

  /** From here on the file is part of the log. */
  async function begin(file: Current): Promise<OpenStretch> {
    // Of one that turned out to be another file nothing came.
    stretches = stretches.filter(({ fingerprint }) => fingerprint)
    const known = await knownStretch(file)
    if (file.gapBefore) lost('rotated')
    file.gapBefore = false
    const start = known?.base ?? Math.max(place, highest)
    const generation = known?.generation ?? 1 + (stretches.at(-1)?.generation ?? -1)
    const stretch = { ...known, base: start, from: file.offset, generation, dev: 0, ino: 0 }
    const made: OpenStretch = { ...stretch, bornMs: 0 }
    stretches = [...stretches.filter((other) => other !== known), made].toSorted(
      (a, b) => a.base - b.base,
    )
    place = start
    highest = Math.max(highest, place)
    return (file.stretch = made)
  }

  /** It was read before, by a life of which not all was kept. */
  async function knownStretch(file: Current): Promise<OpenStretch | undefined> {
    for (const stretch of stretches) {
      const { base: start, from, fingerprint } = stretch
      if (start < place || from !== file.offset || !fingerprint) continue
      if ((await headOf(file.age, fingerprint.length)) === fingerprint.hash) return stretch
    }
    return undefined
  }

  async function read(buffer: Buffer, nowMs: number, again = false) {
    for (;;) {
      const file = current
      if (!file || mustLocate) return undefined
      const over = isOver(file, nowMs)
      if (file.size <= file.offset) {
        file.readTo = file.size
        if (!over) return undefined
        advance(file)
        continue
      }
      if (file.size === file.readTo && !over && !again) return undefined
      if (!file.stretch) await begin(file)
      const length = await fill(file, buffer)
      if (length === undefined) {
        mustLocate = true
        return undefined
      }
      if (length === 0) return undefined
      const isPast = file.offset + length > file.size
      file.size = Math.max(file.size, file.offset + length)
      const atEnd = file.offset + length === file.size
      file.readTo = atEnd ? file.size : -1
      chunk = buffer.subarray(0, length)
      const writtenMs = isPast ? nowMs : Math.min(nowMs, file.writtenMs)
      return { bytes: chunk, at: place, atEnd, final: over && atEnd, writtenMs }
    }
  }

  /** Reads so much that a line is among it, if one can be. Undefined if the name stands for another file. */
  async function fill(file: Current, buffer: Buffer): Promise<number | undefined> {
    let length = 0
    let tail = file.tail
    while (length < Math.min(buffer.length, maxPlainPiece)) {
      const part = await verified(file, file.offset + length, tail)
      if (!part) return undefined
      if (part.length === 0) break
      const copied = part.copy(buffer, length)
      length += copied
      if (copied < part.length || part.includes(10)) break
      tail = buffer.subarray(Math.max(0, length - tailBytes), length)
    }
    return length
  }

  async function verified(
    file: Current,
    offset: number,
    tail: Buffer,
  ): Promise<Buffer | undefined> {
    const name = nameOf(file.age)
    const data = await options.read(name, offset - tail.length, mostBytes)
    if (!data?.subarray(0, tail.length).equals(tail)) return undefined
    const fingerprint = file.stretch?.fingerprint
    // After a start what was read last is not known: then the beginning tells, also that it is still the same file.
    if (tail.length === 0 && fingerprint) {
      if ((await headOf(file.age, fingerprint.length)) !== fingerprint.hash) return undefined
    }
    if (offset === 0 && !fingerprint && !file.gapBefore && !(await isNext(file.age)))
      return undefined
    return data.subarray(tail.length)
  }

  function isOver({ age, changedMs, writtenMs }: Current, nowMs: number): boolean {
    if (age === 0) return false
    return age > 1 || nowMs - Math.max(changedMs, writtenMs) >= handoverMs
  }

  function advance(file: Current): void {
    const { fingerprint } = file.stretch ?? {}
    if (fingerprint) former = { fingerprint, offset: file.offset, tail: file.tail }
    if (fingerprint?.length === fingerprintBytes) finished.add(fingerprint.hash)
    const age = oldest().find((one) => one < file.age)
    current = age === undefined ? open(0) : open(age)
  }

  function consume(bytes: number): void {
    const file = current
    const stretch = file?.stretch
    if (!file || !stretch || bytes === 0) return
    const taken = chunk.subarray(0, bytes)
    if (file.head.length === file.offset && file.head.length < fingerprintBytes) {
      file.head = Buffer.concat([file.head, taken]).subarray(0, fingerprintBytes)
      const length = stretch.fingerprint?.length ?? 0
      const isMore = length === 0 || file.head.length === fingerprintBytes
      if (isMore) stretch.fingerprint = { length: file.head.length, hash: hashOf(file.head) }
    }
    file.tail = Buffer.concat([file.tail, taken.subarray(-tailBytes)]).subarray(-tailBytes)
    chunk = chunk.subarray(bytes)
    file.offset += bytes
    place += bytes
    highest = Math.max(highest, place)
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
    idle: () => current === undefined,
    caughtUp: () =>
      !mustLocate && (!current || (current.age === 0 && current.readTo === current.size)),
    ended: () => ended,
    holds: () => false,
    lookedMs: () => seen?.atMs ?? 0,
    lose() {
      if (current && current.size > current.offset) lost('rotated', current.size - current.offset)
      current = undefined
      ended = true
    },
    close() {
      current = undefined
    },
  }
}
