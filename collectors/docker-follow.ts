import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import {
  isoToMs,
  isoToNs,
  msToIso,
  streams,
  type ChangeDoc,
  type DeadLetter,
  type Stream,
} from '../pipeline/event.ts'
import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import type { DockerApi } from './docker-api.ts'
import { asObject } from './docker-identity.ts'
import { cursorsOf, nameOf, withoutPlaces, type DockerInput } from './docker-file.ts'
import { openDeframer, type Deframer } from './docker-frames.ts'
import {
  openDockerStreams,
  type Cursor,
  type DockerPosition,
  type EventOptions,
} from './docker-streams.ts'
import { framePlain } from './frame.ts'
import { deadLetter } from './gaps.ts'
import type { Collected } from './sink.ts'

export interface DockerFollowOptions extends EventOptions {
  key: string
  container: string
  api: DockerApi
  tty: boolean
  identity: Identity
  position: DockerPosition | undefined
  clock: Clock
  /** Something is there to be read. */
  wake(): void
  onBytes(bytes: number): void
}

/** Over the API a container can start again, and be refused. */
export interface DockerFollow extends DockerInput {
  /** What the daemon's list says. */
  running(): void
}

type Cursors = { [Of in Stream]?: Cursor }
/** One answer of the daemon: pieces come in order, counted anew from its `since`. */
interface Reading {
  follow: boolean
  deframer: Deframer
  /** The piece before, of each stream. */
  last: { [Of in Stream]?: Buffer }
  cursors: Cursors
  /** Pieces that had not been read before. */
  news: number
}
type Outcome = 'again' | 'stopped' | 'gone' | 'unreadable'

/** So many bytes wait to be taken before no more are fetched. */
const maxQueued = 512 * 1024
/** Docker's follow can stall at a rotation (moby#39235): after such a silence it is checked by reading anew. */
const watchMs = { first: 15_000, most: 600_000 }
const retryMs = { first: 250, most: 30_000 }
/** After so long without a line nothing older can be under way. */
const silentMs = 5_000

/** Follows one container's log over the API, where its file cannot be read. */
export function openDockerFollow(options: DockerFollowOptions): DockerFollow {
  const { key, container, api, tty, position, clock, redactor } = options
  const states = position?.file ? withoutPlaces(position) : (position?.streams ?? {})
  const assemblers = openDockerStreams<Cursor>({ ...options, states: states as never })
  /** The last piece pushed of each stream. */
  const pushed: Cursors = { ...cursorsOf(position) }
  const stopping = new AbortController()
  const queue: { reading: Reading; bytes: Buffer | 'end' }[] = []
  let queued = 0
  let onTaken: (() => void) | undefined
  let { identity } = options
  let outcome: Outcome | 'reading' = 'reading'
  let onRunning: (() => void) | undefined
  let lastDataMs = clock.now()
  let lastPieceMs = 0
  let readThroughMs = 0
  let failure: string | undefined
  let changes: ChangeDoc[] = []
  let bad: DeadLetter[] = []
  let nowMs = clock.now()
  let isGone = false

  function openReading(follow: boolean): Reading {
    const cursors: Cursors = {}
    const reading: Reading = {
      follow,
      last: {},
      cursors,
      news: 0,
      deframer: openDeframer({
        tty,
        onPiece: (stream, time, content) => onPiece(reading, stream, time, content),
        onBad: (bytes, reason) => onBad(bytes, reason),
      }),
    }
    return reading
  }

  /** Takes a piece unless it was taken before: at a rotation, and after reading anew, Docker sends some twice. */
  function onPiece(reading: Reading, stream: Stream, time: string, content: Buffer) {
    const before = reading.cursors[stream]
    const piece = reading.last[stream]
    reading.last[stream] = content
    if (before?.time === time && reading.follow && isRepeated(piece, content)) return
    const count = before?.time === time ? before.count + 1 : 1
    const cursor = (reading.cursors[stream] = { time, count })
    const last = pushed[stream]
    if (last && (time < last.time || (time === last.time && count <= last.count))) return
    pushed[stream] = cursor
    reading.news++
    lastPieceMs = isoToMs(time)
    const begin = last ?? { time, count: 0 }
    framePlain(
      content,
      {
        scan: redactor.scan,
        line: (escaped, complete, suspect) =>
          assemblers
            .of(stream)
            .push({ time, escaped, complete, suspect, begin, end: cursor }, nowMs),
      },
      true,
    )
  }

  function onBad(bytes: Buffer, reason: string) {
    const place = `${pushed.stdout?.time ?? ''}:${pushed.stdout?.count ?? 0}`
    const path = `the log of ${nameOf(identity, container)} over the API`
    const redact = (escaped: string) => redactor.redact(escaped)
    const of = {
      source: key,
      path,
      place,
      offset: place,
      bytes: Buffer.from(bytes),
      reason,
      redact,
    }
    bad.push(deadLetter(of, nowMs))
  }

  async function enqueue(reading: Reading, bytes: Buffer | 'end') {
    queue.push({ reading, bytes })
    queued += bytes.length
    options.wake()
    if (queued > maxQueued) await taken()
  }

  /** Resolves when everything fetched so far was handed to the assemblers. */
  async function taken() {
    while (queue.length > 0 && !stopping.signal.aborted) {
      await new Promise<void>((resolve) => {
        onTaken = resolve
        stopping.signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }

  function takeQueue() {
    for (const { reading, bytes } of queue) {
      if (bytes === 'end') reading.deframer.end()
      else reading.deframer.push(bytes)
      if (bytes !== 'end') options.onBytes(bytes.length)
    }
    queue.length = 0
    queued = 0
    onTaken?.()
    onTaken = undefined
  }

  /** Seconds since the epoch; a second of slack, because the two streams are not in order with each other. */
  function since(): string {
    const times = streams.flatMap((of) => pushed[of]?.time ?? []).toSorted()
    const ns = (isoToNs(times[0] ?? '') ?? 0n) - 1_000_000_000n
    if (ns <= 0n) return '0'
    return `${ns / 1_000_000_000n}.${(ns % 1_000_000_000n).toString().padStart(9, '0')}`
  }

  /** Reads one answer to its end; how many new pieces it held, or why there is none. */
  async function readAnswer(follow: boolean, signal: AbortSignal): Promise<number | Outcome> {
    await taken()
    const reading = openReading(follow)
    const answer = await api.logs(container, { since: since(), follow, signal })
    if ('refused' in answer) {
      if (answer.refused === 'unreadable') tellUnreadable(answer.message)
      return answer.refused
    }
    failure = undefined
    lastDataMs = clock.now()
    for await (const chunk of answer.body) {
      lastDataMs = clock.now()
      await enqueue(reading, chunk as Buffer)
    }
    // What a follow leaves unfinished is read again, whole.
    if (!follow) await enqueue(reading, 'end')
    await taken()
    return reading.news
  }

  function tellUnreadable(message: string) {
    failure = `${nameOf(identity, container)}: its log cannot be read (${message}): use the log driver json-file or local for it`
    changes.push({
      '@timestamp': msToIso(clock.now()),
      'event.id': `change:collector:${container}:unreadable`,
      'event.kind': 'collector',
      'event.action': 'unreadable',
      message: failure,
      ...identityToEcs(identity),
    })
    options.wake()
  }

  /** Follows until the daemon ends the stream, then reads what the end of a stream may drop. */
  async function session(): Promise<Outcome> {
    const over = new AbortController()
    const signal = AbortSignal.any([over.signal, stopping.signal])
    const watching = watch(over, signal)
    try {
      const followed = await readAnswer(true, signal)
      if (typeof followed === 'string') return followed
    } catch (error) {
      if (!over.signal.aborted) throw error
    } finally {
      over.abort()
      await watching
    }
    return drain()
  }

  async function drain(): Promise<Outcome> {
    for (;;) {
      const news = await readAnswer(false, stopping.signal)
      if (typeof news === 'string') return news
      if (news === 0) break
    }
    const described = await api.inspect(container)
    if (!described) return 'gone'
    return asObject(described['State'])['Running'] === true ? 'again' : 'stopped'
  }

  /** Ends a follow that has stalled. */
  async function watch(over: AbortController, signal: AbortSignal) {
    for (let waitMs = watchMs.first; !signal.aborted; waitMs = Math.min(waitMs * 2, watchMs.most)) {
      await pause(waitMs, signal)
      if (signal.aborted || clock.now() - lastDataMs < waitMs) continue
      const news = await readAnswer(false, signal).catch(() => 0)
      if (news !== 0) over.abort()
    }
  }

  async function run() {
    let waitMs = retryMs.first
    while (!stopping.signal.aborted) {
      try {
        outcome = 'reading'
        outcome = await session()
        if (outcome !== 'again') waitMs = retryMs.first
      } catch (error) {
        if (stopping.signal.aborted) return
        failure = `${nameOf(identity, container)}: ${explain(error)}`
      }
      options.wake()
      if (outcome === 'gone' || outcome === 'unreadable') return
      if (outcome === 'stopped') await untilRunning()
      else await pause(waitMs * (0.5 + Math.random() / 2), stopping.signal)
      waitMs = Math.min(waitMs * 2, retryMs.most)
    }
  }

  async function untilRunning() {
    if (isGone) outcome = 'gone'
    if (stopping.signal.aborted || outcome === 'gone') return
    await new Promise<void>((resolve) => {
      onRunning = resolve
      stopping.signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  function advanceThrough() {
    if (outcome !== 'reading') {
      if (outcome !== 'again') readThroughMs = nowMs
      return
    }
    if (failure !== undefined) return
    const isSilent = nowMs - lastDataMs >= silentMs
    readThroughMs = Math.max(
      readThroughMs,
      isSilent ? nowMs - silentMs : Math.min(lastPieceMs, nowMs),
    )
  }

  function take(atMs: number, force: boolean): Collected | undefined {
    const { records, dead } = assemblers.take(atMs, force)
    dead.push(...bad)
    const told = changes
    bad = []
    changes = []
    const over = ended()
    if (records.length + dead.length + told.length === 0 && !over) return undefined
    const snapshot: DockerPosition = { streams: assemblers.states() }
    return { records, dead, changes: told, positions: { [key]: over ? null : snapshot } }
  }

  const ended = () => outcome === 'gone' && queue.length === 0

  void run()
  return {
    read(_buffer, atMs) {
      nowMs = atMs
      if (queue.length > 0) takeQueue()
      else advanceThrough()
      return Promise.resolve(false)
    },
    take,
    readThrough: () => readThroughMs,
    service: () => identity.service,
    waitingSince: () => assemblers.waitingSince(),
    ended,
    idle: () => false,
    trouble: () => failure,
    identify(known) {
      identity = known
      assemblers.identify(known)
    },
    running() {
      onRunning?.()
      onRunning = undefined
    },
    gone() {
      isGone = true
      if (outcome === 'stopped' || outcome === 'unreadable') outcome = 'gone'
      this.running()
    },
    close: () => stopping.abort(),
  }
}

/**
 * After a rotation a follow may begin again with the very line it sent last. Two different lines have the same text
 * and nanosecond hardly ever; pieces of one line (without a newline) may.
 */
function isRepeated(before: Buffer | undefined, piece: Buffer): boolean {
  return before !== undefined && before.at(-1) === 10 && piece.equals(before)
}
