import { levels, type DeadLetter, type Level, type Stream } from '../pipeline/event.ts'
import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import { encodeBody, type LogHead } from '../pipeline/record.ts'
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
  let ends: Buffer[] = []
  let size = 0
  let count = 0
  let firstSequence = 0
  let lastSequence = 0
  let earliest = ''
  let latest = ''
  let since = 0
  let counts: LogHead['levels'] = {}
  let leftOut: LeftOut | undefined

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
      if (count++ === 0) {
        firstSequence = sequence
        earliest = time
        latest = time
        since = sinceMs
        counts = {}
      }
      lastSequence = sequence
      if (time < earliest) earliest = time
      if (time > latest) latest = time
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
    full: () => count >= maxRecordEvents || size >= maxRecordNdjson,
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
function join(heads: readonly string[], ends: readonly Buffer[], size: number): Buffer {
  if (scratch.length < size) scratch = Buffer.allocUnsafeSlow(size * 2)
  let at = 0
  for (const [index, head] of heads.entries()) {
    at += scratch.write(head, at, 'latin1')
    const end = ends[index] as Buffer
    scratch.set(end, at)
    at += end.length
  }
  return scratch.subarray(0, size)
}
