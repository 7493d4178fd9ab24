import { basename } from 'node:path'
import type { ChangeDoc, Stream } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import { openAssembler, type AssemblerState } from './assemble.ts'
import { openPlausibleTime } from './plausible-time.ts'
import { containerSource, earliest, type EventOptions } from './docker-streams.ts'
import { fingerprintBytes, hashOf } from './fingerprint.ts'
import {
  openFollower,
  type Chunk,
  type Follower,
  type FollowPosition,
  type Gap,
} from './follow-file.ts'
import { framePlain } from './frame.ts'
import { gapChange, unreadChange } from './gaps.ts'
import { openLineTimes } from './line-time.ts'
import type { Input } from './pump.ts'
import type { Collected } from './sink.ts'

/** The stored position of a plain file. */
export interface PlainPosition {
  /** `file:<hash of the path, the machine and the first bytes>`. */
  source: string
  file: FollowPosition
  state: AssemblerState<number>
  /** See {@link PlainFileOptions.made}. */
  made?: number
}

export interface PlainFileOptions extends EventOptions {
  key: string
  path: string
  identity: Identity
  position: PlainPosition | undefined
  history: boolean
  /**
   * It is a stream of this container, and its lines have the container's source. Part of ids: ASCII without colons,
   * quotes and backslashes.
   */
  container?: string
  /** Who writes it is not to be trusted: links out of its folder are not followed. */
  confined?: boolean
  /** Of a container: what its id and that of its sandbox do not tell, the same wherever it is read. Part of ids. */
  place?: string
  /** Beside `place`: how many files of this name were read and removed before; none unless set. */
  made?: number
  /** Reads it otherwise than from this machine's disk. */
  follow?(options: { position: FollowPosition | undefined; onGap(gap: Gap): void }): Follower
  onBytes(bytes: number): void
}

export interface PlainInput extends Input {
  holds(dev: number, ino: number): boolean
  /** Nothing of it is there (any more). */
  idle(): boolean
  /** Everything that was found of it has been read. */
  caughtUp(): boolean
  gone(): void
  /** Opens what is there, to have it although it may be removed, without reading. */
  look(nowMs: number): Promise<void>
  /** Later lines carry this identity. */
  identify(identity: Identity): void
}

/** How long a writer may leave a file that was renamed before it opens the new one. */
const handoverMs = 2_000
/** A line without its newline is taken as it is after so long. */
const unfinishedMs = 1_000

/**
 * Reads one text file through its rotations. Ids are `<source>:<generation>:<offset>`, of a container's
 * `<source>:<fingerprint>.<generation>:<offset>`.
 */
export function openPlainFile(options: PlainFileOptions): PlainInput {
  const { key, path, position, redactor, container, made = 0 } = options
  let { identity } = options
  const stream: Stream = /stderr/i.test(basename(path)) ? 'stderr' : 'stdout'
  const times = openLineTimes()
  let assembler = position && openFileAssembler(position.source, position.state)
  let source = position?.source ?? ''
  const takenTo = position?.state.place ?? 0
  let gaps: { gap: Gap; lastTime: string | undefined; firstTime: string | undefined }[] = []
  let lastTime = position?.state.time || undefined
  let firstPushed: number | undefined
  let readThroughMs = 0
  let restSinceMs: number | undefined
  let isGone = false
  let wasFound = false
  let nowMs = 0
  let chunk: Chunk | undefined

  const onGap = (gap: Gap) => gaps.push({ gap, lastTime, firstTime: undefined })
  const follower =
    options.follow?.({ position: position?.file, onGap }) ??
    openFollower({
      path,
      position: position?.file,
      history: options.history,
      uniqueStart: false,
      handoverMs,
      confined: options.confined,
      onGap,
    })

  function openFileAssembler(of: string, state?: AssemblerState<number>) {
    const lines = container === undefined ? of : containerSource(container, stream)
    const prefix = container === undefined ? `${of}:` : `${lines}:${of.replace('file:', '')}.`
    return openAssembler<number>({
      plausible: openPlausibleTime(),
      source: lines,
      stream,
      identity,
      eventId: (_time, _ordinal, place) => prefix + placeInFile(place),
      multiline: options.multiline,
      redact: (escaped) => redactor.redact(escaped),
      maxEventBytes: options.maxEventBytes,
      originOf,
      ...(state ? { state } : {}),
    })
  }

  /**
   * A file that is made anew at the same path with the same beginning is another source; of a container it is the same
   * whoever reads it, by whichever way: there the first line tells.
   */
  function sourceOf({ bytes, at }: Chunk): string {
    if (options.place !== undefined) {
      const length = headLength(bytes)
      const first = bytes.toString('latin1', 0, length < 0 ? bytes.length : length)
      return `file:${hashOf(JSON.stringify([options.place, made, first]))}`
    }
    const { ino, bornMs } = follower.stretchAt(at) ?? {}
    const head = bytes.toString('latin1', 0, fingerprintBytes)
    return `file:${hashOf(JSON.stringify([identity.agent, path, ino, bornMs, head]))}`
  }

  function originOf(place: number): string {
    const stretch = follower.stretchAt(place)
    return `${path} at byte ${stretch ? place - stretch.base + stretch.from : place}`
  }

  function placeInFile(place: number): string {
    const stretch = follower.stretchAt(place)
    return stretch ? `${stretch.generation}:${place - stretch.base + stretch.from}` : `0:${place}`
  }

  const handlers: Parameters<typeof framePlain>[1] = {
    scan: redactor.scan,
    line(escaped, complete, suspect, begin, end) {
      const { at, writtenMs } = chunk as Chunk
      const time = times.of(escaped, nowMs, writtenMs)
      for (const gap of gaps) gap.firstTime ??= time
      if (at + begin < takenTo) return
      lastTime = time
      firstPushed ??= at + begin
      assembler?.push({ time, escaped, complete, suspect, begin: at + begin, end: at + end }, nowMs)
    },
  }

  function frame(read: Chunk) {
    chunk = read
    const isLate = restSinceMs !== undefined && nowMs - restSinceMs >= unfinishedMs
    const isWhole = read.final || (read.atEnd && isLate)
    if (!source && !isWhole && options.place !== undefined && headLength(read.bytes) < 0) {
      restSinceMs ??= nowMs
      return
    }
    source ||= sourceOf(read)
    assembler ??= openFileAssembler(source)
    const consumed = framePlain(read.bytes, handlers, isWhole)
    restSinceMs = consumed === read.bytes.length ? undefined : (restSinceMs ?? nowMs)
    follower.consume(consumed)
    options.onBytes(consumed)
  }

  function snapshot(): PlainPosition {
    const state = (assembler as NonNullable<typeof assembler>).state()
    const isWaiting = assembler?.waitingSince() !== undefined
    const at = isWaiting ? (state.place ?? firstPushed ?? 0) : follower.place()
    return { source, state, file: follower.position(at), ...(made > 0 ? { made } : {}) }
  }

  function take(atMs: number, force: boolean): Collected | undefined {
    const { records, dead } = assembler?.take(atMs, force) ?? { records: [], dead: [] }
    const changes: ChangeDoc[] = gaps.map(({ gap, ...around }) =>
      gapChange({ ...gap, ...around, source: key, name: path, identity }, atMs),
    )
    gaps = []
    const over = ended()
    if (over && position && !wasFound) changes.push(goneUnread(position, atMs))
    if (records.length + dead.length + changes.length === 0 && !over) return undefined
    const positions = over ? { [key]: leftOver() } : assembler ? { [key]: snapshot() } : {}
    return { records, dead, changes, positions }
  }

  /** Of a removed file; a container may make it anew with the same beginning. */
  const leftOver = () => (options.place === undefined || isGone ? null : { made: made + 1 })

  function goneUnread({ file, state }: PlainPosition, atMs: number): ChangeDoc {
    const read = { at: file.at, lastTime: state.time }
    return unreadChange({ ...read, source: key, name: path, identity }, atMs)
  }

  const ended = () => follower.ended() || (isGone && follower.idle())

  return {
    async read(buffer, atMs) {
      nowMs = atMs
      await follower.look(atMs)
      const again = restSinceMs !== undefined && atMs - restSinceMs >= unfinishedMs
      const read = await follower.read(buffer, atMs, again)
      wasFound ||= !follower.idle()
      if (read) frame(read)
      if (follower.caughtUp()) readThroughMs = follower.lookedMs?.() ?? atMs
      return read !== undefined && (!read.atEnd || read.final)
    },
    take,
    readThrough: () => readThroughMs,
    service: () => identity.service,
    waitingSince: () => earliest([assembler?.waitingSince(), restSinceMs]),
    ended,
    idle: () => follower.idle(),
    caughtUp: () => follower.caughtUp(),
    holds: (dev, ino) => follower.holds(dev, ino),
    gone() {
      isGone = true
      follower.lose?.()
    },
    look: (atMs) => follower.look(atMs),
    identify(known) {
      identity = known
      assembler?.identify(known)
    },
    close: () => follower.close(),
  }
}

/** The bytes of the first line, at most those of a fingerprint; -1 if they have not all come. */
function headLength(bytes: Buffer): number {
  const end = bytes.indexOf(10)
  if (end >= 0) return Math.min(end, fingerprintBytes)
  return bytes.length < fingerprintBytes ? -1 : fingerprintBytes
}
