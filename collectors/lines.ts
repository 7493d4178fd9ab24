import type { DeadLetter } from '../pipeline/event.ts'
import type { AssemblerOptions, OpenLine, Piece } from './assemble.ts'
import { cutBefore, withoutReturn } from './bytes.ts'

/** A line put together from pieces. */
export interface JoinedLine<Place> {
  text: string
  time: string
  begin: Place
  end: Place
  suspect: boolean
  /** Its beginning was given away before, as unterminated. */
  continued: boolean
  /** It has no end: the wait for it was over (`rest` may still come), or another line began. */
  unterminated: boolean
  rest: boolean
  /** When its first and its last piece were pushed. */
  since: number
  last: number
}

/** A part of a line that is longer than `maxEventBytes`. */
export interface Chunk<Place> {
  id: string
  /** Counted from 1. */
  number: number
  text: string
  time: string
  /** Where reading goes on behind the chunk; undefined if no piece was seen since the state was restored. */
  place: Place | undefined
  open: OpenLine | undefined
  unterminated: boolean
  since: number
}

export interface LineTaker<Place> {
  line(line: JoinedLine<Place>): void
  /** Ends the event before and gives the id of the line that will come in chunks. */
  startChunks(time: string, begin: Place): string
  chunk(chunk: Chunk<Place>): void
  /** Comes before the last chunk of its line. */
  dead(letter: DeadLetter): void
}

/** Joins pieces to lines; cuts lines that grow too long as they grow, so that they need no memory. */
export interface Lines<Place> {
  /** True if nothing is unfinished: a complete piece that is short enough is a line and need not be pushed. */
  idle(): boolean
  push(piece: Piece<Place>, nowMs: number): void
  /** Gives away the unfinished line. */
  release(): void
  /** When the first and the last piece of the unfinished line were pushed. */
  since(): number | undefined
  last(): number | undefined
}

/** How much is read beyond the place where a line is cut, lest the cut goes through a secret. */
const lookAhead = 4096
const sampleLength = 256

/** One piece within the unfinished line. */
interface Part<Place> {
  /** Where its text begins in the line's, and how many characters of it were taken before. */
  start: number
  taken: number
  begin: Place
  end: Place
}

interface Growing<Place> {
  text: string
  time: string
  parts: Part<Place>[]
  suspect: boolean
  continued: boolean
  since: number
  last: number
  /** Characters of the next piece that were taken before a restart. */
  skip: number
  /** Set once a chunk of it was given away. */
  cut: { id: string; origin: string; next: number; bytes: number; sample: string } | undefined
}

type Options<Place> = Pick<
  AssemblerOptions<Place>,
  'source' | 'maxEventBytes' | 'partsShareTime' | 'redact' | 'originOf'
>

export function openLines<Place>(
  { source, maxEventBytes, partsShareTime = false, redact, originOf }: Options<Place>,
  open: OpenLine | undefined,
  taker: LineTaker<Place>,
): Lines<Place> {
  const ahead = Math.min(lookAhead, maxEventBytes)
  /** Time of a line whose rest may still come. */
  let restOf = open?.kind === 'rest' ? open.time : undefined
  let line = open?.kind === 'chunks' ? restore<Place>(open) : undefined

  function begin(piece: Piece<Place>, nowMs: number): Growing<Place> {
    const continued = restOf !== undefined && (!partsShareTime || piece.time === restOf)
    restOf = undefined
    const { time } = piece
    const empty = { text: '', parts: [], suspect: false, skip: 0, cut: undefined }
    return { ...empty, time, continued, since: nowMs, last: nowMs }
  }

  function cutOnce(growing: Growing<Place>): void {
    growing.cut ??= startCut(growing)
    const at = chooseCut(growing.text.slice(0, maxEventBytes + ahead), maxEventBytes, redact)
    const text = growing.text.slice(0, at)
    const { place, skip } = dropText(growing, at)
    const { cut, time, since } = growing
    const number = cut.next++
    cut.bytes += at
    growing.since = growing.last
    const { id } = cut
    const rest: OpenLine = { kind: 'chunks', time, ...cut, skip }
    taker.chunk({ id, number, text, time, place, open: rest, unterminated: false, since })
  }

  function startCut({ time, parts, text }: Growing<Place>) {
    const place = (parts[0] as Part<Place>).begin
    const origin = originOf?.(place) ?? `${source} at ${JSON.stringify(place)}`
    const sample = redact(text.slice(0, maxEventBytes + ahead)).slice(0, sampleLength)
    return { id: taker.startChunks(time, place), origin, next: 1, bytes: 0, sample }
  }

  /** `ended`: by a newline, by another line, or not yet: its rest may come. */
  function finish(growing: Growing<Place>, ended: 'newline' | 'other' | 'release'): void {
    line = undefined
    const unterminated = ended !== 'newline'
    const rest = ended === 'release'
    restOf = rest ? growing.time : undefined
    const { text, time, suspect, continued, since, last, parts, cut } = growing
    const end = parts.at(-1)?.end
    if (!cut) {
      const { begin: first } = parts[0] as Part<Place>
      const whole = { text, time, begin: first, end: end as Place, suspect, continued }
      taker.line({ ...whole, unterminated, rest, since, last })
      return
    }
    taker.dead(cutLetter(growing, cut, maxEventBytes))
    const { id, next: number } = cut
    const after: OpenLine | undefined = rest ? { kind: 'rest', time } : undefined
    taker.chunk({ id, number, text, time, place: end, open: after, unterminated, since })
  }

  return {
    idle: () => line === undefined && restOf === undefined,
    push(piece, nowMs) {
      if (line && partsShareTime && piece.time !== line.time) finish(line, 'other')
      line ??= begin(piece, nowMs)
      const growing = line
      addPiece(growing, piece, nowMs)
      while (growing.text.length > maxEventBytes + (piece.complete ? 0 : ahead)) cutOnce(growing)
      if (piece.complete) finish(growing, 'newline')
    },
    release() {
      if (line) finish(line, 'release')
    },
    since: () => (line?.parts.length ? line.since : undefined),
    last: () => (line?.parts.length ? line.last : undefined),
  }
}

function restore<Place>(open: OpenLine & { kind: 'chunks' }): Growing<Place> {
  const { time, skip, id, origin, next, bytes, sample } = open
  const empty = { text: '', parts: [], suspect: true, continued: false, since: 0, last: 0 }
  return { ...empty, time, skip, cut: { id, origin, next, bytes, sample } }
}

function addPiece<Place>(line: Growing<Place>, piece: Piece<Place>, nowMs: number): void {
  const { escaped, begin, end } = piece
  const taken = Math.min(line.skip, escaped.length)
  line.skip -= taken
  // A word that makes a line suspect may be split over two pieces.
  line.suspect ||= piece.suspect || line.parts.length > 0
  if (line.parts.length === 0 && line.text === '') line.since = nowMs
  line.parts.push({ start: line.text.length, taken, begin, end })
  line.text += taken === 0 ? escaped : escaped.slice(taken)
  line.last = nowMs
  if (escaped === '' && piece.complete) line.text = withoutReturn(line.text)
}

/** Removes the first `at` characters; where reading would go on to find what is left. */
function dropText<Place>(line: Growing<Place>, at: number): { place: Place; skip: number } {
  line.text = line.text.slice(at)
  let first = line.parts.findLastIndex((part) => part.start <= at)
  const part = line.parts[first] as Part<Place>
  const skip = part.taken + (at - part.start)
  line.parts = line.parts.slice(first)
  line.parts.forEach((each, index) => {
    each.taken = index === 0 ? skip : each.taken
    each.start = index === 0 ? 0 : each.start - at
  })
  return { place: part.begin, skip }
}

/**
 * Where to cut text that is longer than `max`: at `max` or, lest a secret is cut in two parts that are not recognised,
 * at white space before it.
 */
function chooseCut(text: string, max: number, redact: (escaped: string) => string): number {
  const atMax = cutBefore(text, max)
  const whole = redact(text)
  if (whole === text) return atMax
  let cut = atMax
  for (let tries = 0; tries < 8 && cut > max / 2; tries++) {
    if (redact(text.slice(0, cut)) + redact(text.slice(cut)) === whole) return cut
    cut = text.lastIndexOf(' ', cut - 1)
  }
  return atMax
}

function cutLetter<Place>(
  { time, text }: Growing<Place>,
  cut: NonNullable<Growing<Place>['cut']>,
  max: number,
): DeadLetter {
  return {
    '@timestamp': time,
    'event.id': `dead:${cut.id}`,
    'event.kind': 'dead',
    reason: `a line longer than max_event_bytes (${max}), kept as ${cut.next} chunks ${cut.id}#1 …`,
    origin: cut.origin,
    bytes: cut.bytes + text.length,
    sample: cut.sample,
  }
}
