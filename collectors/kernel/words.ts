import { isDigit } from './bytes'

/*
 * AssemblyScript. The words that name a level, as in `collectors/level.ts`.
 */

/** A place in `levels` of `pipeline/event.ts`. */
export const unknown: i32 = 6
/** Others are to be asked. */
export const notSaid: i32 = 255

/** How long a word is, its level, whether it counts only before a colon; then the word, filled up to 16 bytes. */
const words: usize = memory.data(36 * 32, 16)
let count = 0
/** Of each length the first word and, behind the last, the next. */
const firstOf: usize = memory.data(16)
let isReady = false

function add(word: string, level: i32, onlyBeforeColon: bool): void {
  const at = words + count * 32
  for (let n = 0; n < word.length; n++) store<u8>(at + n, <u8>word.charCodeAt(n))
  store<u8>(at + 16, <u8>level)
  store<u8>(at + 17, onlyBeforeColon ? 1 : 0)
  count++
  for (let length = word.length + 1; length < 16; length++) store<u8>(firstOf + length, <u8>count)
}

/** By length. */
function prepare(): void {
  add('ftl', 0, false)
  add('err', 1, false)
  add('wrn', 2, false)
  add('inf', 3, false)
  add('log', 3, true)
  add('dbg', 4, false)
  add('trc', 5, false)
  add('crit', 0, false)
  add('warn', 2, false)
  add('info', 3, false)
  add('fine', 4, true)
  add('fatal', 0, false)
  add('panic', 0, false)
  add('emerg', 0, false)
  add('alert', 0, true)
  add('error', 1, false)
  add('debug', 4, false)
  add('trace', 5, false)
  add('finer', 5, false)
  add('dpanic', 0, false)
  add('severe', 1, false)
  add('notice', 3, false)
  add('finest', 5, false)
  add('warning', 2, false)
  add('verbose', 5, false)
  add('critical', 0, false)
  add('emergency', 0, false)
  add('statement', 3, true)
  add('information', 3, false)
  add('informational', 3, false)
  isReady = true
}

/** The word that [from, to) is, in any case; 0 if it names no level. */
function wordOf(from: usize, to: usize): usize {
  if (!isReady) prepare()
  const length = <i32>(to - from)
  if (length < 3 || length > 13) return 0
  const last = load<u8>(firstOf + length + 1)
  let number = load<u8>(firstOf + length)
  if (number === last) return 0
  const kept = i8x16.lt_u(v128.load(indices), i8x16.splat(<i8>length))
  const text = v128.and(v128.or(v128.load(from), i8x16.splat(0x20)), kept)
  for (; number < last; number++) {
    const word = words + <usize>number * 32
    if (i8x16.all_true(i8x16.eq(v128.load(word), text))) return word
  }
  return 0
}

const indices: usize = memory.data<u8>([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])

export function wordLevel(from: usize, to: usize): i32 {
  const word = wordOf(from, to)
  return word === 0 ? unknown : load<u8>(word + 16)
}

/** The level that a word names where it stands; `start` is where the line begins. */
export function levelOfWord(from: usize, to: usize, start: usize, limit: usize): i32 {
  let end = to
  while (isDigit(load<u8>(end - 1))) end--
  const word = wordOf(from, end)
  if (word === 0 || !standsAsLevel(word, end !== to, from, to, start, limit)) return unknown
  const level = load<u8>(word + 16)
  // `fatal error`
  const isFatal =
    level === 1 &&
    from >= start + 5 &&
    load<u32>(from - 5) === 0x6c61_7461 &&
    load<u8>(from - 1) === 0x20
  return isFatal ? 0 : level
}

function isUpper(byte: u8): bool {
  return byte - 0x41 < 26
}

/** Upper-case words count wherever they stand; others in brackets, before a colon, or at the beginning of the line. */
function standsAsLevel(
  word: usize,
  isNumbered: bool,
  from: usize,
  to: usize,
  start: usize,
  limit: usize,
): bool {
  const before: u8 = from === start ? 0x20 : load<u8>(from - 1)
  const next: u8 = to < limit ? load<u8>(to) : 0
  if (next === 0x3d || next === 0x2d || next === 0x2f) return false
  const isColon = next === 0x3a
  const isShy = load<u8>(word + 17) === 1 && !isNumbered
  if (isUpper(load<u8>(from)) && isUpper(load<u8>(from + 1))) {
    return isColon || !isShy || !isAllUpper(from, to)
  }
  if (next === 0x5d || next === 0x29 || next === 0x3e || next === 0x7c) {
    return before !== 0x20 || next === 0x7c
  }
  if (isShy) return false
  if (isColon) return (to + 1 < limit ? load<u8>(to + 1) : 0) !== 0x2f
  if (from !== start || next !== 0x20 || !isUpper(load<u8>(start))) return false
  return beginsMessage(from, to)
}

function isAllUpper(from: usize, to: usize): bool {
  for (let at = from; at < to; at++) if (!isUpper(load<u8>(at))) return false
  return true
}

/** `Error` or `Fatal`. */
function beginsMessage(from: usize, to: usize): bool {
  if (to - from < 5) return false
  const first = load<u8>(to - 5)
  const rest = load<u32>(to - 4)
  return (first === 0x45 && rest === 0x726f_7272) || (first === 0x46 && rest === 0x6c61_7461)
}
