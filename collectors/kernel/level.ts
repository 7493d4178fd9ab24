import { find2, find8, isDigit, isLetter } from './bytes'
import { levelOfWord, notSaid, unknown, wordLevel } from './words'

/*
 * AssemblyScript. The level of a line as `collectors/level.ts` tells it; what is rare is left to that. `limit` is the end of
 * what is looked at; bytes from there on count as 0, which no JSON text holds.
 */

const error = 1
const info = 3
/** So far a level is looked for: by words, and at all. */
const textBytes: usize = 256
const headBytes: usize = 1024

export function levelOf(from: usize, stop: usize): i32 {
  const limit = stop - from > headBytes ? from + headBytes : stop
  return load<u8>(from) === 0x7b && from < stop ? jsonLevel(from, limit) : textLevel(from, limit)
}

/** `evel` and the quote behind it, in JSON-escaped text; the first one decides. */
function jsonLevel(from: usize, limit: usize): i32 {
  let at = find2(from, limit, 0x7665)
  while (at !== 0) {
    if (at + 6 > limit) return notSaid
    if (load<u32>(at) === 0x6c65_7665 && load<u16>(at + 4) === 0x225c) {
      const level = levelAfter(at + 6, limit)
      return level === unknown ? notSaid : level
    }
    at = find2(at + 1, limit, 0x7665)
  }
  return notSaid
}

function byteAt(at: usize, limit: usize): u8 {
  return at < limit ? load<u8>(at) : 0
}

/** The level behind a key: a word; numbers are left to others. */
function levelAfter(key: usize, limit: usize): i32 {
  let at = skipSpaces(key, limit)
  const separator = byteAt(at, limit)
  if (separator !== 0x3a && separator !== 0x3d) return unknown
  at = skipSpaces(at + 1, limit)
  while (byteAt(at, limit) === 0x5c || byteAt(at, limit) === 0x22) at++
  if (isDigit(byteAt(at, limit))) return notSaid
  let to = at
  while (isLetter(byteAt(to, limit)) || byteAt(to, limit) === 0x5f) to++
  return wordLevel(at, to)
}

function skipSpaces(from: usize, limit: usize): usize {
  let at = from
  while (byteAt(at, limit) === 0x20) at++
  return at
}

function textLevel(from: usize, limit: usize): i32 {
  if (isPrefixed(from, limit)) return notSaid
  const status = statusAt(from, limit)
  if (status === unclear) return notSaid
  const words = status !== 0 ? status : limit - from > textBytes ? from + textBytes : limit
  const said = wordsLevel(from, words, limit)
  if (said !== unknown) return said
  if (status !== 0) return load<u8>(status) >= 0x35 ? error : info
  return isRare(from, limit) ? notSaid : unknown
}

/** glog's and syslog's prefixes, which others read; and what is too short to tell. */
function isPrefixed(from: usize, limit: usize): bool {
  const first = byteAt(from, limit)
  if (first === 0x3c || first === 0x5c) return true
  if (!isDigit(byteAt(from + 1, limit)) || !isDigit(byteAt(from + 4, limit))) return false
  const year: usize = isDigit(byteAt(from + 8, limit)) ? 4 : 0
  return byteAt(from + 5 + year, limit) === 0x20 && byteAt(from + 8 + year, limit) === 0x3a
}

const unclear: usize = 1

/** Where the status of an access line stands; 0 if this is none. */
function statusAt(from: usize, limit: usize): usize {
  if (isDigit(byteAt(from, limit)) && byteAt(from + 10, limit) === 0x2e) return unclear
  let at = find2(from, limit, 0x5448)
  while (at !== 0) {
    if (at + 5 <= limit && load<u32>(at) === 0x5054_5448 && load<u8>(at + 4) === 0x2f) {
      const status = behindVersion(at, limit)
      if (status !== 0) return status
    }
    at = find2(at + 1, limit, 0x5448)
  }
  // `] "" `: a request that could not be read.
  return find8(from, limit, 0x2022_5c22_5c20_5d00, 0xffff_ffff_ffff_ff00) !== 0 ? unclear : 0
}

function behindVersion(at: usize, limit: usize): usize {
  let status = byteAt(at + 6, limit) === 0x2e ? at + 8 : at + 6
  if (byteAt(status, limit) === 0x5c) status += 2
  return byteAt(status, limit) === 0x20 && isStatus(status + 1, limit) ? status + 1 : 0
}

function isStatus(at: usize, limit: usize): bool {
  if (!isDigit(byteAt(at, limit)) || !isDigit(byteAt(at + 1, limit))) return false
  return isDigit(byteAt(at + 2, limit)) && !isDigit(byteAt(at + 3, limit))
}

/** Walks over the words before `end`; the first that names a level decides. */
function wordsLevel(from: usize, end: usize, limit: usize): i32 {
  let before: u8 = 0x20
  for (let at = from; at < end; at++) {
    const byte = load<u8>(at)
    if (isLetter(byte) && isBoundary(before)) {
      const to = runEnd(at, limit)
      const level = to - at < 3 ? unknown : levelOfRun(at, to, from, limit)
      if (level !== unknown) return level
      at = to - 1
      before = 0x61
    } else if (byte === 0x5c) {
      at = escapeEnd(at, limit) - 1
      before = 0x20
    } else before = byte
  }
  return unknown
}

/** Behind the letters, digits, dots, dollars and underscores from `from`. */
function runEnd(from: usize, limit: usize): usize {
  let at = from + 1
  while (at < limit) {
    const byte = load<u8>(at)
    const isOther = byte === 0x5f || byte === 0x2e || byte === 0x24
    if (!isLetter(byte) && !isDigit(byte) && !isOther) return at
    at++
  }
  return at
}

/** Behind an escape, or behind a terminal's colour sequence. */
function escapeEnd(at: usize, limit: usize): usize {
  if (byteAt(at + 1, limit) !== 0x75) return at + 2
  if (at + 7 > limit || load<u32>(at + 2) !== 0x6231_3030 || load<u8>(at + 6) !== 0x5b)
    return at + 6
  let end = at + 7
  while (isDigit(byteAt(end, limit)) || byteAt(end, limit) === 0x3b) end++
  return end + 1
}

/** Characters before which a word stands free. */
function isBoundary(byte: u8): bool {
  switch (byte) {
    case 0x20:
    case 0x5b:
    case 0x28:
    case 0x7c:
    case 0x3a:
    case 0x3c:
    case 0x3e:
    case 0x5d:
    case 0x22:
    case 0x27:
    case 0x2c:
    case 0x3b:
    case 0x2a:
      return true
    default:
      return false
  }
}

function levelOfRun(from: usize, to: usize, start: usize, limit: usize): i32 {
  const next = byteAt(to, limit)
  const last = load<u8>(to - 1) | 0x20
  if (last === 0x6c || last === 0x79) {
    if ((next === 0x3d || next === 0x5c || next === 0x3a) && isLevelKey(from, to)) {
      return levelAfter(next === 0x5c ? to + 2 : to, limit)
    }
  }
  if ((last === 0x72 || last === 0x6e) && to - from > 5 && isException(from, to)) {
    const ends = next === 0 || next === 0x3a || next === 0x5c || next === 0x20 || next === 0x27
    return ends ? error : unknown
  }
  return levelOfWord(from, to, start, limit)
}

/** `level` at the end of a word, `lvl`, `severity`; the letters before the word are the line's own. */
function isLevelKey(from: usize, to: usize): bool {
  const four = load<u32>(to - 4)
  if (four === 0x6c65_7665 || four === 0x4c45_5645) return true
  if (to - from === 3) return load<u16>(from) === 0x766c && load<u8>(from + 2) === 0x6c
  return four === 0x7974_6972 && load<u32>(to - 7) === 0x7265_7665
}

/** `Exception` or `Error` at the end. */
function isException(from: usize, to: usize): bool {
  const four = load<u32>(to - 4)
  if (four === 0x6e6f_6974) return load<u32>(to - 8) === 0x7065_6378 && load<u8>(to - 9) === 0x45
  return four === 0x726f_7272 && load<u8>(to - 5) === 0x45
}

/** Forms that are looked for only where nothing else was found. */
function isRare(from: usize, limit: usize): bool {
  if (find8(from, limit, 0x6b63_6162_6563_6172, ~0) !== 0) return true // raceback
  if (find8(from, limit, 0x6170_203a_7074_7468, ~0) !== 0) return true // http: pa
  if (find8(from, limit, 0x7978_6f72_7061_6820, ~0) !== 0) return true //  haproxy
  return limit - from > 6 && load<u32>(from) === 0x6572_6874 && load<u16>(from + 4) === 0x6461 // thread
}
