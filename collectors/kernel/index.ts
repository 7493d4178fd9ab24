import { copy, decimal, newline } from './bytes'
import { levelOf } from './level'
import { mayHoldSecret } from './secrets'
import { beginsSpecially, isSingle, startsAnew } from './shape'
import { endsInNewline, endsInReturn, readString, stringEnd } from './text'
import { digits, nanoseconds, readTime, seconds, timeEnd } from './time'

/*
 * AssemblyScript, compiled to WebAssembly by `npm run kernel`: the ordinary lines of Docker's json-files, from bytes to
 * events. It knows no lines but those that are as Docker writes them, hold no secret and follow no other; the rest goes the
 * way of `collectors/frame.ts`, by which this is measured (`test/collectors/kernel.test.ts`). The host is `collectors/kernel.ts`.
 */

/** A row of 48 bytes a record; offsets in the input. The first second is of 8 bytes. */
const rowBytes = 48
const atSeconds = 0
const atBegin = 8
const atText = 12
const atStop = 16
const atNext = 20
const atFraction = 24
const atDigits = 28
const atFlags = 32
const atLevel = 36

const isStderr = 1
const isWhole = 2
const isSuspect = 4
const isSpecial = 8
const nothingFollows = 16
const isAnew = 32
const isOdd = 64

/** `{"log":"`, `","strea`, `m":"`, `stdo`, `stde`, `ut`, `rr`, `","time"`, `:"`, `"}` and a newline. */
const logKey: u64 = 0x223a_2267_6f6c_227b
const streamKey: u64 = 0x6165_7274_7322_2c22
const streamRest: u32 = 0x223a_226d
const stdo: u32 = 0x6f64_7473
const stde: u32 = 0x6564_7473
const ut: u16 = 0x7475
const rr: u16 = 0x7272
const timeKey: u64 = 0x2265_6d69_7422_2c22
const timeRest: u16 = 0x223a
const ending: u16 = 0x7d22

/** How many bytes the last {@link frame} took. */
export let consumed: i32 = 0

/**
 * Reads the records in [input, input + length), which ends in a newline, to rows of the table, at most `maxRows`. Returns how
 * many. What is not as Docker writes it is a row that is odd, up to its newline.
 */
export function frame(input: usize, length: i32, table: usize, maxRows: i32): i32 {
  const end = input + length
  let at = input
  let rows = 0
  for (; at < end && rows < maxRows; rows++) {
    const row = table + rows * rowBytes
    let next = readRecord(at, input, row)
    if (next === 0) {
      next = newline(at) + 1
      store<i32>(row + atFlags, isOdd)
    }
    store<i32>(row + atBegin, <i32>(at - input))
    store<i32>(row + atNext, <i32>(next - input))
    at = next
  }
  consumed = <i32>(at - input)
  return rows
}

/** Returns the address behind the record; 0 if it is odd. */
function readRecord(at: usize, input: usize, row: usize): usize {
  const text = at + 8
  if (load<u64>(at) !== logKey || !readString(text)) return 0
  const behind = stringEnd
  const stream = streamAt(behind)
  if (stream < 0 || !readTime(behind + 28)) return 0
  if (load<u16>(timeEnd) !== ending || load<u8>(timeEnd + 2) !== 0x0a) return 0
  const stop = behind - (endsInNewline ? 2 : 0) - (endsInReturn ? 2 : 0)
  store<i64>(row + atSeconds, seconds)
  store<i32>(row + atText, <i32>(text - input))
  store<i32>(row + atStop, <i32>(stop - input))
  store<i32>(row + atFraction, <i32>(behind + 48 - input))
  store<i32>(row + atDigits, digits)
  store<i32>(row + atFlags, stream | (endsInNewline ? isWhole : 0) | flagsOf(text, stop))
  store<i32>(row + atLevel, levelOf(text, stop))
  return timeEnd + 3
}

/** 0 for stdout, 1 for stderr, -1 for anything else than what stands between text and time. */
function streamAt(at: usize): i32 {
  if (load<u64>(at) !== streamKey || load<u32>(at + 8) !== streamRest) return -1
  if (load<u64>(at + 18) !== timeKey || load<u16>(at + 26) !== timeRest) return -1
  const name = load<u32>(at + 12)
  const rest = load<u16>(at + 16)
  if (name === stdo && rest === ut) return 0
  return name === stde && rest === rr ? isStderr : -1
}

function flagsOf(text: usize, stop: usize): i32 {
  let flags = 0
  if (mayHoldSecret(text, stop)) flags |= isSuspect
  if (beginsSpecially(text, stop)) flags |= isSpecial
  if (isSingle(text, stop)) flags |= nothingFollows
  if (startsAnew(text, stop)) flags |= isAnew
  return flags
}

/** What {@link build} is given, and what it tells. */
const run: usize = memory.data(160, 16)
const atPrefix = 0 // of ids: address, length
const atStream = 8 // the key of the stream and that of the message
const atTail = 16 // what ends each event
const atLevels = 24 // of seven levels what stands before the id: address, length
const atMaxSeconds = 80
const atLastNs = 88
const atSequence = 96
const atOrdinal = 104
const atUnsaid = 108 // the level of lines that tell none
const atBytes = 112 // told: bytes written
const atMinRow = 116
const atMaxRow = 120
const atCounts = 124 // told: events of each level

export function runAddress(): usize {
  return run
}

const timestampKey: usize = memory.data<u8>([
  0x7b, 0x22, 0x40, 0x74, 0x69, 0x6d, 0x65, 0x73, 0x74, 0x61, 0x6d, 0x70, 0x22, 0x3a, 0x22, 0,
])
const sequenceKey: usize = memory.data<u8>([
  0x22, 0x2c, 0x22, 0x65, 0x76, 0x65, 0x6e, 0x74, 0x2e, 0x73, 0x65, 0x71, 0x75, 0x65, 0x6e, 0x63,
  0x65, 0x22, 0x3a, 0,
])
const nines: usize = memory.data<u8>([0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30])

/**
 * Writes the events of `count` rows from `first` to [out, out + room), until `enough` bytes are written. Returns how many;
 * fewer where the next one has no room or a time that cannot be true.
 */
export function build(
  input: usize,
  table: usize,
  first: i32,
  count: i32,
  out: usize,
  room: i32,
  enough: i32,
): i32 {
  const unsaid = load<i32>(run + atUnsaid)
  const maxSeconds = load<i64>(run + atMaxSeconds)
  const common =
    load<i32>(run + atPrefix + 4) +
    load<i32>(run + atStream + 4) +
    load<i32>(run + atTail + 4) +
    160
  let lastNs = load<i64>(run + atLastNs)
  let ordinal = load<i32>(run + atOrdinal)
  let sequence = load<u64>(run + atSequence)
  let minNs: i64 = i64.MAX_VALUE
  let maxNs: i64 = i64.MIN_VALUE
  let to = out
  let done = 0
  memory.fill(run + atCounts, 0, 28)
  for (; done < count && <i32>(to - out) < enough; done++) {
    const row = table + (first + done) * rowBytes
    const second = load<i64>(row + atSeconds)
    const length = load<i32>(row + atStop) - load<i32>(row + atText)
    if (second > maxSeconds || <i32>(to - out) + length + common > room) break
    const ns = nanoseconds(second, input + load<i32>(row + atFraction), load<i32>(row + atDigits))
    ordinal = ns === lastNs ? ordinal : 0
    lastNs = ns
    if (ns < minNs) {
      minNs = ns
      store<i32>(run + atMinRow, first + done)
    }
    if (ns > maxNs) {
      maxNs = ns
      store<i32>(run + atMaxRow, first + done)
    }
    const said = load<i32>(row + atLevel)
    const level = said === 6 ? unsaid : said
    const counter = run + atCounts + level * 4
    store<i32>(counter, load<i32>(counter) + 1)
    to = writeEvent(to, input, row, level, ordinal, sequence)
    ordinal++
    sequence++
  }
  store<i32>(run + atBytes, <i32>(to - out))
  store<i32>(run + atOrdinal, ordinal)
  store<u64>(run + atSequence, sequence)
  return done
}

function writeEvent(
  out: usize,
  input: usize,
  row: usize,
  level: i32,
  ordinal: i32,
  sequence: u64,
): usize {
  const fraction = input + load<i32>(row + atFraction)
  const count = load<i32>(row + atDigits)
  let to = copy(out, timestampKey, 15)
  to = copy(to, fraction - 20, 20)
  to = writeFraction(to, fraction, count)
  store<u8>(to++, 0x5a)
  to = put(to, atLevels + level * 8)
  to = put(to, atPrefix)
  to = decimal(to, load<u64>(row + atSeconds))
  to = writeFraction(to, fraction, count)
  store<u8>(to++, 0x3a)
  to = decimal(to, ordinal)
  to = copy(to, sequenceKey, 19)
  to = decimal(to, sequence)
  to = put(to, atStream)
  const text = load<i32>(row + atText)
  to = copy(to, input + text, load<i32>(row + atStop) - text)
  return put(to, atTail)
}

/** Nine digits. */
function writeFraction(to: usize, from: usize, count: i32): usize {
  memory.copy(to, nines, 9)
  memory.copy(to, from, count)
  return to + 9
}

function put(to: usize, which: i32): usize {
  return copy(to, load<usize>(run + which), load<i32>(run + which + 4))
}
