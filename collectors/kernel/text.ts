import { isDigit } from './bytes'

/*
 * AssemblyScript. The content of a JSON string, found by vectors of sixteen bytes: where it ends, whether it ends in an
 * escaped newline, with a carriage return before it.
 */

const backslash: u8 = 0x5c
const quote: u8 = 0x22

/** Of the last string that was read. */
export let stringEnd: usize = 0
export let endsInNewline: bool = false
export let endsInReturn: bool = false

/** Reads from `from` to the closing quote; false if this is no valid JSON string (raw controls, bad escapes). */
export function readString(from: usize): bool {
  let base = from
  let last: usize = 0
  let before: usize = 0
  let mask = special(base)
  while (true) {
    while (mask === 0) {
      base += 16
      mask = special(base)
    }
    const at = base + ctz(mask)
    const byte = load<u8>(at)
    if (byte !== backslash) {
      if (byte !== quote) return false
      found(from, at, last, before)
      return true
    }
    const next = at + escapeLength(at)
    if (next === at) return false
    before = last
    last = at
    const shift = <i32>(next - base)
    if (shift < 16) mask &= -1 << shift
    else {
      base = next
      mask = special(base)
    }
  }
}

function found(from: usize, at: usize, last: usize, before: usize): void {
  stringEnd = at
  endsInNewline = last !== 0 && last === at - 2 && load<u8>(at - 1) === 0x6e
  endsInReturn = endsInNewline && before !== 0 && before === at - 4 && load<u8>(at - 3) === 0x72
}

/** A bit for each of sixteen bytes that may not stand in a JSON string as it is. */
function special(at: usize): i32 {
  const bytes = v128.load(at)
  const quotes = i8x16.eq(bytes, i8x16.splat(0x22))
  const backslashes = i8x16.eq(bytes, i8x16.splat(0x5c))
  const controls = i8x16.lt_u(bytes, i8x16.splat(0x20))
  return i8x16.bitmask(v128.or(v128.or(quotes, backslashes), controls))
}

function escapeLength(at: usize): usize {
  switch (load<u8>(at + 1)) {
    case 0x22:
    case 0x5c:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return 2
    case 0x75:
      return isHex(at + 2) && isHex(at + 3) && isHex(at + 4) && isHex(at + 5) ? 6 : 0
    default:
      return 0
  }
}

function isHex(at: usize): bool {
  const byte = load<u8>(at)
  return isDigit(byte) || (byte | 0x20) - 0x61 < 6
}
