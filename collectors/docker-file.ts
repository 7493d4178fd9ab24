import { streams, type ChangeDoc, type DeadLetter, type Stream } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { AssemblerState } from './assemble.ts'
import {
  earliest,
  openDockerStreams,
  type Cursor,
  type DockerPosition,
  type EventOptions,
} from './docker-streams.ts'
import { openFollower, type Chunk, type Gap } from './follow-file.ts'
import { frameRuns, type RunHandlers } from './frame-runs.ts'
import { deadLetter, gapChange } from './gaps.ts'
import type { Input } from './pump.ts'
import type { Collected } from './sink.ts'

export interface DockerFileOptions extends EventOptions {
  /** The key of its position in the sink. */
  key: string
  container: string
  /** `<root>/<id>/<id>-json.log`. */
  path: string
  identity: Identity
  position: DockerPosition | undefined
  /** Told of the bytes that were read. */
  onBytes(bytes: number): void
}

export interface DockerInput extends Input {
  identify(identity: Identity): void
  /** The container is gone: what is still open is read to its end, then the position is forgotten. */
  gone(): void
  /** True while nothing of it was found. */
  idle(): boolean
}

/** Reads the json-file of one container through its rotations. */
export function openDockerFile(options: DockerFileOptions): DockerInput {
  const { key, container, path, position, redactor } = options
  const stored = (position?.file ? position.streams : withoutPlaces(position)) as {
    [Of in Stream]?: AssemblerState<number>
  }
  const originOf = (place: number) => `${path} at byte ${offsetOf(place)}`
  const assemblers = openDockerStreams<number>({ ...options, states: stored, originOf })
  /** Before these places (or cursors, after reading over the API) everything was taken. */
  const takenTo = Object.fromEntries(streams.map((of) => [of, stored[of]?.place ?? 0]))
  const skipTo = position?.file ? position.skipTo : cursorsOf(position)
  const skip = skipTo && Object.keys(skipTo).length > 0 ? openSkip(skipTo) : undefined
  const firstPushed: { [Of in Stream]?: number } = {}
  const lastTimes: { [Of in Stream]?: string } = {}
  let { identity } = options
  let gaps: { gap: Gap; lastTime: string | undefined; firstTime: string | undefined }[] = []
  let bad: DeadLetter[] = []
  let badTo = 0
  let readThroughMs = 0
  let restSinceMs: number | undefined
  let isGone = false
  let nowMs = 0
  let chunk: Chunk | undefined

  const follower = openFollower({
    path,
    position: position?.file,
    history: true,
    uniqueStart: true,
    handoverMs: 0,
    onGap: (gap) => gaps.push({ gap, lastTime: lastTime(), firstTime: undefined }),
  })

  function lastTime(): string | undefined {
    let last = ''
    for (const of of streams) {
      const time = lastTimes[of] ?? stored[of]?.time ?? ''
      if (time > last) last = time
    }
    return last || undefined
  }

  function offsetOf(place: number): number {
    const stretch = follower.stretchAt(place)
    return stretch ? place - stretch.base + stretch.from : place
  }

  function report(begin: number, end: number, reason: string) {
    if (!chunk) return
    const place = chunk.at + begin
    if (place < badTo) return
    badTo = chunk.at + end
    const offset = offsetOf(place)
    const bytes = Buffer.from(chunk.bytes.subarray(begin, end))
    const redact = (escaped: string) => redactor.redact(escaped)
    bad.push(deadLetter({ source: key, path, place, offset, bytes, reason, redact }, nowMs))
  }

  const handlers: RunHandlers = {
    scan: redactor.scan,
    line(stream, time, escaped, complete, suspect, begin, end) {
      const at = (chunk as Chunk).at
      for (const gap of gaps) gap.firstTime ??= time
      if (at + begin < (takenTo[stream] as number)) return
      if (skip?.(stream, time)) return
      lastTimes[stream] = time
      firstPushed[stream] ??= at + begin
      assemblers
        .of(stream)
        .push({ time, escaped, complete, suspect, begin: at + begin, end: at + end }, nowMs)
    },
    run(run) {
      const { kernel, stream, first } = run
      const { at } = chunk as Chunk
      if (skip || at + kernel.begin(first) < (takenTo[stream] as number)) return 0
      const placeBehind = (row: number) => at + kernel.next(row)
      const taken = assemblers.of(stream).pushRun(run, placeBehind, nowMs)
      if (taken === 0) return 0
      for (const gap of gaps) gap.firstTime ??= kernel.time(first)
      lastTimes[stream] = kernel.time(first + taken - 1)
      firstPushed[stream] ??= at + kernel.begin(first)
      return taken
    },
    bad: report,
  }

  function frame(read: Chunk, capacity: number) {
    chunk = read
    const consumed = frameRuns(read.bytes, handlers, options.maxEventBytes, capacity)
    const rest = read.bytes.length - consumed
    restSinceMs = rest === 0 ? undefined : (restSinceMs ?? nowMs)
    follower.consume(consumed)
    if (rest > 0 && read.final) {
      report(consumed, read.bytes.length, 'a record that was never finished')
      restSinceMs = undefined
      follower.consume(rest)
    }
    options.onBytes(read.final ? read.bytes.length : consumed)
  }

  /** Where to read on so that nothing that waits in an assembler is lost. */
  function resumeAt(): number {
    const waiting = assemblers.opened().map(([stream, assembler]) => {
      if (assembler.waitingSince() === undefined) return Infinity
      return assembler.state().place ?? firstPushed[stream] ?? Infinity
    })
    return Math.min(follower.place(), ...waiting)
  }

  function snapshot(): DockerPosition {
    const cursors = Object.fromEntries(
      // Which of several pieces at one time it was is not counted here; all of them were most likely read.
      Object.entries(lastTimes).map(([of, time]) => [of, { time, count: Number.MAX_SAFE_INTEGER }]),
    )
    return {
      file: follower.position(resumeAt()),
      streams: { ...stored, ...assemblers.states() },
      cursors: { ...position?.cursors, ...cursors },
      ...(skipTo ? { skipTo } : {}),
    }
  }

  function take(atMs: number, force: boolean): Collected | undefined {
    const { records, dead } = assemblers.take(atMs, force)
    dead.push(...bad)
    const changes: ChangeDoc[] = gaps.map(({ gap, ...times }) =>
      gapChange(
        { ...gap, ...times, source: key, name: nameOf(identity, container), identity },
        atMs,
      ),
    )
    gaps = []
    bad = []
    const over = ended()
    if (records.length + dead.length + changes.length === 0 && !over) return undefined
    return { records, dead, changes, positions: { [key]: over ? null : snapshot() } }
  }

  const ended = () => follower.ended() || (isGone && follower.idle())

  return {
    async read(buffer, atMs) {
      nowMs = atMs
      await follower.look(atMs)
      const read = await follower.read(buffer, atMs)
      if (read) frame(read, buffer.length)
      if (!read || read.atEnd) readThroughMs = atMs
      return read !== undefined && (!read.atEnd || read.final)
    },
    take,
    readThrough: () => readThroughMs,
    service: () => identity.service,
    waitingSince: () => earliest([assemblers.waitingSince(), restSinceMs]),
    ended,
    idle: () => follower.idle(),
    identify(known) {
      identity = known
      assemblers.identify(known)
    },
    gone() {
      isGone = true
    },
    close: () => follower.close(),
  }
}

export function nameOf(identity: Identity, container: string): string {
  return `container ${identity.containerName ?? container.slice(0, 12)}`
}

/** States of another way of reading: sequences go on, places mean nothing. */
export function withoutPlaces(position: DockerPosition | undefined) {
  return Object.fromEntries(
    Object.entries(position?.streams ?? {}).map(([of, state]) => [
      of,
      { ...state, place: undefined },
    ]),
  )
}

/** The last piece taken of each stream. */
export function cursorsOf(position: DockerPosition | undefined): { [Of in Stream]?: Cursor } {
  if (!position) return {}
  if (position.file) return position.cursors ?? {}
  return Object.fromEntries(
    Object.entries(position.streams).flatMap(([of, { place }]) => (place ? [[of, place]] : [])),
  )
}

/** Tells of each piece, in order, whether it lies before the cursor of its stream. */
export function openSkip(cursors: { [Of in Stream]?: Cursor }): (
  stream: Stream,
  time: string,
) => boolean {
  const reading: { [Of in Stream]?: Cursor } = {}
  return (stream, time) => {
    const cursor = cursors[stream]
    if (!cursor) return false
    const before = reading[stream]
    const count = before?.time === time ? before.count + 1 : 1
    reading[stream] = { time, count }
    return time < cursor.time || (time === cursor.time && count <= cursor.count)
  }
}
