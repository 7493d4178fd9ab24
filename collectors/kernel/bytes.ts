/*
 * AssemblyScript. Bytes of memory compared and searched; all addresses are absolute. Reading goes up to sixteen bytes
 * beyond what is asked for: the host leaves room behind everything.
 */

export function isDigit(byte: u8): bool {
  return byte - 0x30 < 10
}

export function isLetter(byte: u8): bool {
  return (byte | 0x20) - 0x61 < 26
}

export function copy(to: usize, from: usize, length: i32): usize {
  memory.copy(to, from, length)
  return to + length
}

/** Writes `value` in decimal digits; returns the address behind them. */
export function decimal(to: usize, value: u64): usize {
  let length = 1
  for (let rest = value / 10; rest > 0; rest /= 10) length++
  let rest = value
  for (let at = to + length - 1; at >= to; at--) {
    store<u8>(at, <u8>(0x30 + (rest % 10)))
    rest /= 10
  }
  return to + length
}

/** The address of the next newline from `at`. There is one. */
export function newline(at: usize): usize {
  const wanted = i8x16.splat(0x0a)
  let from = at
  let found = i8x16.bitmask(i8x16.eq(v128.load(from), wanted))
  while (found === 0) {
    from += 16
    found = i8x16.bitmask(i8x16.eq(v128.load(from), wanted))
  }
  return from + ctz(found)
}

/** The first address in [from, to) where two bytes stand (the first one lowest); 0 if there is none. */
export function find2(from: usize, to: usize, bytes: u16): usize {
  const first = i8x16.splat(<i8>bytes)
  const second = i8x16.splat(<i8>(bytes >> 8))
  for (let at = from; at < to; at += 16) {
    const firsts = i8x16.eq(v128.load(at), first)
    const seconds = i8x16.eq(v128.load(at + 1), second)
    const mask = i8x16.bitmask(v128.and(firsts, seconds))
    if (mask === 0) continue
    const found = at + ctz(mask)
    return found < to ? found : 0
  }
  return 0
}

/** The first address in [from, to) where eight bytes stand, of which those in `mask` count; the first two are sought. */
export function find8(from: usize, to: usize, bytes: u64, mask: u64): usize {
  const skipped: usize = mask === ~0 ? 0 : 1
  const wanted = <u16>(bytes >> (skipped * 8))
  let at = find2(from, to, wanted)
  while (at !== 0) {
    if ((load<u64>(at - skipped) & mask) === bytes && at - skipped + 8 <= to) return at
    at = find2(at + 1, to, wanted)
  }
  return 0
}
