import { randomBytes } from 'node:crypto'
import { isoToNs, type DeadLetter, type Level, type Stream } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { Run } from './frame-runs.ts'
import { levelOf } from './level.ts'
import { rowFlags } from './kernel.ts'
import { openLines, type Chunk, type JoinedLine } from './lines.ts'
import { isTrace, maxEventLines, shapeOfFirst, shapes, shapeWith, type Shape } from './multiline.ts'
import { openRecordBuilder } from './records.ts'
import type { CollectedRecord } from './sink.ts'
import { isKept, wishesOf } from './wishes.ts'

/** The durable part of an assembler: stands in the read position, in the same atomic batch as the records. */
export interface AssemblerState<Place> {
  lineage: string
  /** The sequence the next event gets. */
  sequence: number
  /** Time of the last event (fixed-width ISO), and how many events before the next one had that very time. */
  time: string
  ordinal: number
  /**
   * Where reading goes on: behind the last piece of the last event that was taken; after a chunk, at the piece in
   * which it was cut.
   */
  place: Place | undefined
  /** Set while a line was taken in part. */
  open?: OpenLine
}

/**
 * A line of which something was taken already: chunks (it is longer than `maxEventBytes`), or all that had come when
 * the wait for its end was over (`rest`: what still comes is an event of its own, tagged `continued`).
 */
export type OpenLine = { kind: 'rest'; time: string } | ({ kind: 'chunks'; time: string } & CutLine)

/** What must be known of a line that is being cut, to go on with it. */
export interface CutLine {
  /** Chunks are named `<id>#1`, `<id>#2` … */
  id: string
  /** Where the line began, for the dead letter. */
  origin: string
  /** Number of the next chunk. */
  next: number
  /** How many characters of the piece at `place` were taken. */
  skip: number
  /** Bytes of the line (as JSON text) that were taken. */
  bytes: number
  /** The beginning of the line. */
  sample: string
}

export interface AssemblerOptions<Place> {
  /** See `LogHead.source`. */
  source: string
  stream: Stream
  identity: Identity
  /**
   * The `event.id` of an event from its first piece's time, ordinal and place; Docker: `<container>:o:<ns>:<ordinal>`.
   * ASCII without quotes and backslashes.
   */
  eventId(time: string, ordinal: number, place: Place): string
  /** Set where ids are this, the nanoseconds since the epoch, a colon and the ordinal: then runs can be taken at once. */
  idPrefix?: string
  /** The time to store an event under, from its own and that of its reading; its own unless set. The id keeps its own. */
  plausible?: (time: string, readMs: number) => string
  /** Joins stack traces and indented lines. (The lines of a private key are joined in any case, to be redacted.) */
  multiline: boolean
  /** All pieces of a line have one time, as Docker gives them: a piece with another time begins another line. */
  partsShareTime?: boolean
  /** Replaces secrets in the JSON-escaped text; the same string if there is none. */
  redact(escaped: string): string
  /** Where more is known of the level than what the text says: given that, the one that counts. */
  level?: (ofText: Level) => Level
  /** Where a person finds a place, for dead letters; source and place unless set. */
  originOf?: ((place: Place) => string) | undefined
  /** Of the message as JSON text. A longer line is cut into chunks. */
  maxEventBytes: number
  state?: AssemblerState<Place>
}

/** One piece of a line as it was read. */
export interface Piece<Place> {
  /** Fixed-width ISO, nine fraction digits. */
  time: string
  /** The text JSON-escaped, bytes as latin1 (UTF-8 passes through), without quotes and without the final newline. */
  escaped: string
  /** False for a part of a line that goes on in the next piece. */
  complete: boolean
  /** True if a secret may be in it; false saves looking. */
  suspect: boolean
  /** Where reading would go on after this piece, and where it began (for ids by offset). */
  begin: Place
  end: Place
}

/** Joins pieces of one stream to lines and lines to events, and cuts records of them. */
export interface Assembler<Place> {
  push(piece: Piece<Place>, nowMs: number): void
  /**
   * A run of ordinary lines (`collectors/frame-runs.ts`) as events of their own; `placeOf` gives the place behind a row. Returns
   * how many of them were taken: fewer, or none, where the next one has to be pushed.
   */
  pushRun(run: Run, placeOf: (row: number) => Place, nowMs: number): number
  /**
   * The records that are ready: full ones, and what has waited {@link lingerMs} or, with `force`, everything. An
   * event that may go on stays back until the next line starts or the wait is over: `lingerMs` for lines that may
   * follow, {@link unfinishedMs} for the end of a line. Dead letters tell which lines had to be cut.
   */
  take(nowMs: number, force?: boolean): { records: CollectedRecord[]; dead: DeadLetter[] }
  /** The state after the events taken so far. */
  state(): AssemblerState<Place>
  /** When the oldest piece that was not taken yet was pushed (ms); undefined if nothing waits. */
  waitingSince(): number | undefined
  /** Later records carry this identity. */
  identify(identity: Identity): void
}

/** How long a finished line waits for lines that belong to it, and a record for more events. */
export const lingerMs = 250
/** How long an unfinished line waits for its end. */
export const unfinishedMs = 10_000

/** Opens an assembler; with `state` it goes on exactly where the one that gave the state stood. */
export function openAssembler<Place>(options: AssemblerOptions<Place>): Assembler<Place> {
  const { redact, maxEventBytes } = options
  let wishes = wishesOf(options.identity)
  let multiline = options.multiline
  /** Where the service says which line begins an event, all others follow. */
  let begins: ((escaped: string) => boolean) | undefined
  readMultiline()
  const state = { ...(options.state ?? freshState<Place>()) }
  const builder = openRecordBuilder<AssemblerState<Place>>({ ...options, lineage: state.lineage })
  const lines = openLines(options, state.open, { line: addJoined, startChunks, chunk, dead })
  let taken = { ...state }
  const plausible = options.plausible ?? ((time) => time)

  // The event that may go on; one variable for each part, since this is the hot path.
  let held = false
  let shape: Shape = shapes.plain
  let text = ''
  let time = ''
  let begin: Place
  let end: Place
  let suspect = false
  let count = 0
  let blanks = 0
  let since = 0
  let last = 0

  function readMultiline(): void {
    const { multiline: wish = options.multiline } = wishes
    multiline = wish !== false
    begins = typeof wish === 'function' ? wish : undefined
  }

  function levelOfText(message: string, trace: boolean): Level {
    const found = levelOf(message, trace)
    const ofText = found === 'unknown' ? (wishes.level ?? found) : found
    return options.level ? options.level(ofText) : ofText
  }

  function nextId(eventTime: string, place: Place): string {
    if (eventTime !== state.time) state.ordinal = 0
    state.time = eventTime
    return options.eventId(eventTime, state.ordinal++, place)
  }

  function close(marks: readonly string[] = noTags, open?: OpenLine): void {
    if (!held) return
    held = false
    const message = suspect ? redact(text) : text
    const id = nextId(time, begin)
    const level = levelOfText(message, isTrace(shape))
    if (!isKept(wishes.sample, level, id)) {
      builder.leaveOut(time)
      state.place = end
      reopen(open)
      return
    }
    let tags = count === 1 ? noTags : multilineTag
    if (message !== text) tags = [...tags, 'redacted']
    if (marks.length > 0) tags = [...tags, ...marks]
    const shown = plausible(time, since)
    if (shown !== time) tags = [...tags, 'clamped-time']
    builder.add(id, shown, level, message, tags, state.sequence++, since)
    state.place = end
    reopen(open)
    if (builder.full()) builder.cut({ ...state })
  }

  function reopen(open: OpenLine | undefined): void {
    if (open) state.open = open
    else if (state.open) delete state.open
  }

  function joins(line: string, isSuspect: boolean): boolean {
    const next = begins ? shapeOfPattern(line) : shapeWith(shape, text, line)
    if (next === shapes.single || count >= maxEventLines) return false
    if (text.length + line.length + 2 * blanks + 2 > maxEventBytes) return false
    shape = next
    count++
    suspect ||= isSuspect
    if (line === '') blanks++
    else {
      text += '\\n'.repeat(blanks + 1) + line
      blanks = 0
    }
    return true
  }

  /** The lines of a private key stay together, so that they are replaced. */
  function shapeOfPattern(line: string): Shape {
    if (shape === shapes.privateKey) return shapeWith(shape, text, line)
    return begins?.(line) ? shapes.single : shapes.plain
  }

  function firstShape(line: string, isSuspect: boolean): Shape {
    if (multiline && !begins) return shapeOfFirst(line, isSuspect)
    const first = isSuspect ? shapeOfFirst(line, true) : shapes.single
    if (first === shapes.privateKey) return first
    return begins ? shapes.plain : shapes.single
  }

  function addLine(piece: Omit<Piece<Place>, 'complete'>, sinceMs: number, lastMs: number): void {
    const { escaped } = piece
    if (held && joins(escaped, piece.suspect)) {
      end = piece.end
      last = lastMs
      return
    }
    close()
    held = true
    shape = firstShape(escaped, piece.suspect)
    text = escaped
    time = piece.time
    begin = piece.begin
    end = piece.end
    suspect = piece.suspect
    count = 1
    blanks = 0
    since = sinceMs
    last = lastMs
  }

  /** Nothing can follow it: it need not wait. */
  function closeSingle(): void {
    if (shape === shapes.single) close()
  }

  /** A line that was put together from pieces. */
  function addJoined(line: JoinedLine<Place>): void {
    const { continued, unterminated } = line
    if (continued) close()
    addLine({ ...line, escaped: line.text }, line.since, line.last)
    if (!continued && !unterminated) return closeSingle()
    const marks = continued ? ['continued'] : []
    if (unterminated) marks.push('unterminated')
    close(marks, line.rest ? { kind: 'rest', time: line.time } : undefined)
  }

  function startChunks(lineTime: string, place: Place): string {
    close()
    return nextId(lineTime, place)
  }

  function chunk(part: Chunk<Place>): void {
    const message = redact(part.text)
    const tags = ['chunk']
    if (message !== part.text) tags.push('redacted')
    if (part.unterminated) tags.push('unterminated')
    // Only the first counts with its level: the line is one line.
    const level = part.number === 1 ? levelOfText(message, false) : 'unknown'
    const id = `${part.id}#${part.number}`
    const shown = plausible(part.time, part.since)
    if (shown !== part.time) tags.push('clamped-time')
    builder.add(id, shown, level, message, tags, state.sequence++, part.since)
    if (part.place !== undefined) state.place = part.place
    reopen(part.open)
    if (builder.full()) builder.cut({ ...state })
  }

  function dead(letter: DeadLetter): void {
    builder.dead(letter)
  }

  /** May lines be events of their own that nobody looks at once more? */
  function takesRuns({ kernel, first }: Run): boolean {
    if (options.idPrefix === undefined || options.level || begins || wishes.sample < 1) return false
    if (state.open || !lines.idle()) return false
    return !held || (shape === shapes.plain && (kernel.flags(first) & rowFlags.anew) !== 0)
  }

  function addRun(run: Run, nowMs: number): number {
    const { count, ordinal } = builder.addRun(run, {
      idPrefix: options.idPrefix as string,
      sequence: state.sequence,
      ordinal: state.ordinal,
      lastNs: isoToNs(state.time) ?? -1n,
      maxSeconds: Math.floor(nowMs / 1000) + plausibleAheadSeconds,
      unsaid: wishes.level ?? 'unknown',
      sinceMs: nowMs,
    })
    if (count === 0) return 0
    state.sequence += count
    state.ordinal = ordinal
    state.time = run.kernel.time(run.first + count - 1)
    return count
  }

  function release(nowMs: number, force: boolean): void {
    const lastPiece = lines.last()
    if (lastPiece !== undefined && (force || nowMs - lastPiece >= unfinishedMs)) lines.release()
    if (held && (force || nowMs - last >= lingerMs)) close()
    const oldest = builder.since()
    if (oldest !== undefined && (force || nowMs - oldest >= lingerMs)) builder.cut({ ...state })
  }

  return {
    push(piece, nowMs) {
      if (piece.complete && lines.idle() && piece.escaped.length <= maxEventBytes) {
        addLine(piece, nowMs, nowMs)
        closeSingle()
      } else lines.push(piece, nowMs)
    },
    pushRun(run, placeOf, nowMs) {
      const { kernel, first, last } = run
      if (!takesRuns(run)) return 0
      close()
      kernel.tellLevels(first, last, levelOf)
      for (let at = first; at < last;) {
        const count = addRun({ ...run, first: at }, nowMs)
        if (count === 0) return at - first
        at += count
        state.place = placeOf(at - 1)
        if (builder.full()) builder.cut({ ...state })
      }
      return last - first
    },
    take(nowMs, force = false) {
      release(nowMs, force)
      const ready = builder.take()
      taken = ready.at(-1)?.state ?? taken
      return {
        records: ready.map(({ record }) => record),
        dead: ready.flatMap((each) => each.dead),
      }
    },
    state: () => ({ ...taken }),
    waitingSince: () => builder.since() ?? (held ? since : lines.since()),
    identify(identity) {
      builder.cut({ ...state })
      builder.identify(identity)
      wishes = wishesOf(identity)
      readMultiline()
    },
  }
}

/** Times up to here are those of their lines (`collectors/plausible-time.ts`, which is a minute behind at most). */
const plausibleAheadSeconds = 3600 - 120

const noTags: readonly string[] = []
const multilineTag: readonly string[] = ['multiline']

function freshState<Place>(): AssemblerState<Place> {
  const lineage = randomBytes(9).toString('base64url')
  return { lineage, sequence: 0, time: '', ordinal: 0, place: undefined }
}
