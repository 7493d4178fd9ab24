import { levels, type DeadLetter, type Level, type Stream } from '../pipeline/event.ts'
import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import { encodeBody, type LogHead } from '../pipeline/record.ts'
import type { Run } from './frame-runs.ts'
import type { BuiltRun, RunParts } from './kernel.ts'
import type { CollectedRecord, LeftOut } from './sink.ts'

/** A record is full with this many events or bytes of NDJSON. */
export const maxRecordEvents = 256
export const maxRecordNdjson = 256 * 1024

/** Records that are ready, with what belongs to them. */
export interface ReadyRecord<State> {
  record: CollectedRecord
  dead: DeadLetter[]
  /** The assembler's state behind the record's last event. */
  state: State
  /** When the oldest piece in it was pushed. */
  since: number
}

/** Writes events as NDJSON, spliced from constant and still-escaped parts, and compresses them as records. */
export interface RecordBuilder<State> {
  /** `message` is JSON-escaped latin1. */
  add(
    id: string,
    time: string,
    level: Level,
    message: string,
    tags: readonly string[],
    sequence: number,
    sinceMs: number,
  ): void
  /** Adds the events of a run until it ends, the record is full, or one cannot be written by the kernel. */
  addRun(run: Run, start: RunPlace): BuiltRun
  full(): boolean
  /** A line that is not kept, since its service asks for a sample; told with the record that is being built. */
  leaveOut(time: string): void
  /** Goes with the record that is being built. */
  dead(letter: DeadLetter): void
  /** Ends the record, if it holds anything. */
  cut(state: State): void
  /** The finished records; they are not given again. */
  take(): ReadyRecord<State>[]
  since(): number | undefined
  identify(identity: Identity): void
}

/** Where the numbers of a run go on; see `RunStart`. */
export interface RunPlace {
  idPrefix: string
  sequence: number
  ordinal: number
  lastNs: bigint
  maxSeconds: number
  unsaid: Level
  sinceMs: number
}

interface BuilderOptions {
  source: string
  lineage: string
  stream: Stream
  identity: Identity
}

const levelParts = Object.fromEntries(
  levels.map((level) => [level, `","log.level":"${level}","event.id":"`]),
) as Record<Level, string>

export function openRecordBuilder<State>(options: BuilderOptions): RecordBuilder<State> {
  const { source, lineage } = options
  const streamPart = `,"log.iostream":"${options.stream}","message":"`
  let { identity } = options
  let tail = tailOf(identity)
  /** {@link tail} with tags before it. */
  const tagged = new Map<string, Buffer>()
  let ready: ReadyRecord<State>[] = []
  let dead: DeadLetter[] = []

  /** The events without what is the same at the end of all, and what ends them. */
  let heads: string[] = []
  let ends: Uint8Array[] = []
  let size = 0
  let count = 0
  let firstSequence = 0
  let lastSequence = 0
  let earliest = ''
  let latest = ''
  let since = 0
  let counts: LogHead['levels'] = {}
  let leftOut: LeftOut | undefined
  let parts: RunParts | undefined

  const isFull = () => count >= maxRecordEvents || size >= maxRecordNdjson

  function begin(sequence: number, time: string, sinceMs: number): void {
    firstSequence = sequence
    earliest = time
    latest = time
    since = sinceMs
    counts = {}
  }

  function reach(time: string): void {
    if (time < earliest) earliest = time
    if (time > latest) latest = time
  }

  function taggedTail(tags: readonly string[]): Buffer {
    const key = tags.join('","')
    let end = tagged.get(key)
    if (!end) {
      end = Buffer.concat([Buffer.from(`","tags":["${key}"]`), tail.subarray(1)])
      tagged.set(key, end)
    }
    return end
  }

  return {
    add(id, time, level, message, tags, sequence, sinceMs) {
      if (count++ === 0) begin(sequence, time, sinceMs)
      lastSequence = sequence
      reach(time)
      counts[level] = (counts[level] ?? 0) + 1
      const head =
        '{"@timestamp":"' +
        time +
        levelParts[level] +
        id +
        '","event.sequence":' +
        sequence +
        streamPart +
        message
      const end = tags.length === 0 ? tail : taggedTail(tags)
      heads.push(head)
      ends.push(end)
      size += head.length + end.length
    },
    addRun({ kernel, first, last }, { idPrefix, sinceMs, ...start }) {
      parts ??= { idPrefix, streamPart, tail, levelParts }
      const limits = { maxEvents: maxRecordEvents - count, enoughBytes: maxRecordNdjson - size }
      const built = kernel.build(first, last, parts, { ...start, ...limits })
      if (built.count === 0) return built
      if (count === 0) begin(start.sequence, kernel.time(built.earliest), sinceMs)
      count += built.count
      lastSequence = start.sequence + built.count - 1
      reach(kernel.time(built.earliest))
      reach(kernel.time(built.latest))
      for (const level of levels) {
        const more = built.levels[level]
        if (more !== undefined) counts[level] = (counts[level] ?? 0) + more
      }
      heads.push('')
      size += built.bytes.length
      // A full record is cut at once; what waits must not be written over.
      ends.push(isFull() ? built.bytes : Buffer.from(built.bytes))
      return built
    },
    full: isFull,
    leaveOut(time) {
      if (leftOut === undefined) {
        leftOut = { count: 1, time: [time, time] }
        return
      }
      leftOut.count++
      if (time < leftOut.time[0]) leftOut.time[0] = time
      if (time > leftOut.time[1]) leftOut.time[1] = time
    },
    dead: (letter) => void dead.push(letter),
    cut(state) {
      if (count === 0) return
      const bytes = join(heads, ends, size)
      const head: LogHead = {
        v: 1,
        source,
        lineage,
        sequence: [firstSequence, lastSequence],
        time: [earliest, latest],
        count,
        bytes: bytes.length,
        levels: counts,
        identity,
      }
      const record = { head, body: encodeBody(bytes), ...(leftOut && { leftOut }) }
      ready.push({ record, dead, state, since })
      leftOut = undefined
      heads = []
      ends = []
      size = 0
      count = 0
      dead = []
    },
    take() {
      const taken = ready
      ready = []
      return taken
    },
    since: () => ready[0]?.since ?? (count > 0 ? since : undefined),
    identify(next) {
      identity = next
      tail = tailOf(next)
      tagged.clear()
      parts = undefined
    },
  }
}

/** What ends every event of an identity, from the message's closing quote on. */
function tailOf(identity: Identity): Buffer {
  const fields = JSON.stringify(identityToEcs(identity)).slice(1)
  return Buffer.from(fields === '}' ? '"}\n' : `",${fields}\n`)
}

/** Where records are put together before they are compressed; records are built one at a time. */
let scratch = Buffer.alloc(0)

/** The bytes of each head (latin1) and its end, in one buffer that is valid until the next call. */
function join(heads: readonly string[], ends: readonly Uint8Array[], size: number): Uint8Array {
  if (heads.length === 1 && heads[0] === '') return ends[0] as Uint8Array
  if (scratch.length < size) scratch = Buffer.allocUnsafeSlow(size * 2)
  let at = 0
  for (const [index, head] of heads.entries()) {
    at += scratch.write(head, at, 'latin1')
    const end = ends[index] as Uint8Array
    scratch.set(end, at)
    at += end.length
  }
  return scratch.subarray(0, size)
}
