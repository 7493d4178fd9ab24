import type { DeadLetter, Stream } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { LogRecord } from '../pipeline/record.ts'

/** The durable part of an assembler: stands in the read position, in the same atomic batch as the records. */
export interface AssemblerState<Place> {
  lineage: string
  /** The sequence the next event gets. */
  sequence: number
  /** Time of the last event (fixed-width ISO), and how many events before the next one had that very time. */
  time: string
  ordinal: number
  /** Where reading goes on: behind the last piece of the last event that was taken. */
  place: Place | undefined
}

export interface AssemblerOptions<Place> {
  /** See `LogHead.source`. */
  source: string
  stream: Stream
  identity: Identity
  /** The `event.id` of an event from its first piece's time, ordinal and place; Docker: `<container>:o:<ns>:<ordinal>`. */
  eventId(time: string, ordinal: number, place: Place): string
  multiline: boolean
  /** Replaces secrets in the JSON-escaped text; the same string if there is none. */
  redact(escaped: string): string
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
   * The records that are ready: full ones, and what has waited `lingerMs` or, with `force`, everything. An event
   * that may go on (an unfinished line, a stack trace) stays back until the next line starts or the wait is over.
   */
  take(nowMs: number, force?: boolean): { records: LogRecord[]; dead: DeadLetter[] }
  /** The state after the events taken so far. */
  state(): AssemblerState<Place>
  /** When the oldest piece that was not taken yet was pushed (ms); undefined if nothing waits. */
  waitingSince(): number | undefined
  /** Later records carry this identity. */
  identify(identity: Identity): void
}
