/*
 * A hash of 64 bits in two lanes of 32, since these are what JavaScript multiplies fast. The steps are those of xxHash and
 * MurmurHash3, over pairs of UTF-16 code units; the lanes differ in what they multiply with and are mixed at the end, so
 * that each bit of the text turns each of the 64 with a probability of one half. It is kept in what is stored: changing
 * it makes what was counted before and after unlike. No protection against who looks for collisions.
 */

/** Writes the hash of a text to both places of `to`. */
export function hashInto(to: Int32Array, text: string): void {
  const { length } = text
  let high = 0x2f0b4a27
  let low = 0x6c8e9cf5
  for (let at = 0; at < length; at += 2) {
    // The last of an odd number stands alone; its text differs in length from the one that has a 0 there.
    const second = at + 1 < length ? text.charCodeAt(at + 1) : 0
    const block = text.charCodeAt(at) | (second << 16)
    high = Math.imul(turned(high ^ Math.imul(block, 0x9e3779b1), 13), 0x85ebca77)
    low = Math.imul(turned(low + Math.imul(block, 0xc2b2ae3d), 17), 0x27d4eb2f)
  }
  high = mixed(high ^ length)
  low = mixed(low + high)
  to[0] = mixed(high + low)
  to[1] = low
}

const turned = (value: number, by: number) => (value << by) | (value >>> (32 - by))

/** The finaliser of MurmurHash3: every bit of the 32 goes into all. */
function mixed(value: number): number {
  let bits = value ^ (value >>> 16)
  bits = Math.imul(bits, 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return bits ^ (bits >>> 16)
}
