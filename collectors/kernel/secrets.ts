/*
 * AssemblyScript. Whether a secret may be in a text: a word that `collectors/redact.ts` looks for, or a little more, never
 * less. Three neighbouring bytes are looked up by their halves at once (the Teddy algorithm of Hyperscan); what begins
 * like one of eight groups of words is then compared. Letters are folded to lower case by setting the bit 0x20, which
 * makes 0x7f of `_` and 0x60 of `@`.
 */

/** Group and first three folded bytes of each word. */
const beginnings: usize = memory.data<u8>([
  0, 0x70, 0x61, 0x73 /* pas */, 0, 0x70, 0x77, 0x64 /* pwd */, 0, 0x70, 0x72, 0x69 /* pri */, 1,
  0x73, 0x65, 0x63 /* sec */, 1, 0x73, 0x6b, 0x7f /* sk_ */, 2, 0x74, 0x6f, 0x6b /* tok */, 3, 0x62,
  0x65, 0x61 /* bea */, 3, 0x62, 0x61, 0x73 /* bas */, 4, 0x61, 0x70, 0x69 /* api */, 4, 0x61, 0x63,
  0x63 /* acc */, 4, 0x61, 0x75, 0x74 /* aut */, 5, 0x61, 0x6b, 0x69 /* aki */, 5, 0x61, 0x73,
  0x69 /* asi */, 6, 0x67, 0x68, 0x70 /* ghp */, 6, 0x67, 0x68, 0x6f /* gho */, 6, 0x67, 0x68,
  0x75 /* ghu */, 6, 0x67, 0x68, 0x73 /* ghs */, 6, 0x67, 0x68, 0x72 /* ghr */, 6, 0x67, 0x69,
  0x74 /* git */, 6, 0x67, 0x6c, 0x70 /* glp */, 7, 0x78, 0x6f, 0x78 /* xox */, 7, 0x65, 0x79,
  0x6a /* eyJ */,
])
const words = 22

/** For each of three bytes: by its lower and by its upper half, the groups that it may belong to. */
const tables: usize = memory.data(96)
let isReady = false

function prepare(): void {
  for (let word = 0; word < words; word++) {
    const group = <u8>(1 << load<u8>(beginnings + word * 4))
    for (let n = 0; n < 3; n++) {
      const byte = load<u8>(beginnings + word * 4 + 1 + n)
      const low = tables + n * 32 + (byte & 15)
      const high = tables + n * 32 + 16 + (byte >> 4)
      store<u8>(low, load<u8>(low) | group)
      store<u8>(high, load<u8>(high) | group)
    }
  }
  isReady = true
}

export function mayHoldSecret(from: usize, to: usize): bool {
  if (!isReady) prepare()
  for (let at = from; at < to; at += 16) {
    const first = folded16(at)
    let groups = groupsOf(first, tables)
    groups = v128.and(groups, groupsOf(folded16(at + 1), tables + 32))
    groups = v128.and(groups, groupsOf(folded16(at + 2), tables + 64))
    const begins = i8x16.ne(groups, i8x16.splat(0))
    const signs = i8x16.eq(first, i8x16.splat(0x60))
    for (let mask = i8x16.bitmask(v128.or(begins, signs)); mask !== 0; mask &= mask - 1) {
      const here = at + ctz(mask)
      if (here < to && isSecretWord(here, from)) return true
    }
  }
  return false
}

function folded16(at: usize): v128 {
  return v128.or(v128.load(at), i8x16.splat(0x20))
}

function groupsOf(bytes: v128, table: usize): v128 {
  const low = i8x16.swizzle(v128.load(table), v128.and(bytes, i8x16.splat(0x0f)))
  const high = i8x16.swizzle(v128.load(table + 16), i8x16.shr_u(bytes, 4))
  return v128.and(low, high)
}

function folded(at: usize): u8 {
  return load<u8>(at) | 0x20
}

/** Four folded bytes, the first one lowest. */
function four(at: usize): u32 {
  return load<u32>(at) | 0x2020_2020
}

const cret: u32 = 0x7465_7263
const live: u32 = 0x6576_696c
const oriz: u32 = 0x7a69_726f

function isSecretWord(at: usize, from: usize): bool {
  switch (folded(at)) {
    case 0x70: // p
      return isPassword(at, from)
    case 0x73: // secret, sk_live_
      return folded(at + 1) === 0x65 ? four(at + 2) === cret : four(at + 3) === live
    case 0x74: // token
      return folded(at + 3) === 0x65 && folded(at + 4) === 0x6e
    case 0x62: // bearer, basic
      return load<u8>(folded(at + 1) === 0x65 ? at + 6 : at + 5) === 0x20
    case 0x61: // a
      return isAccess(at)
    case 0x67: // ghp_ …, github_pat_, glpat-
      return load<u8>(at + 1) === 0x68 ? load<u8>(at + 3) === 0x5f : isOfGit(at)
    case 0x78: // xoxb-
      return load<u8>(at + 4) === 0x2d
    case 0x65: // eyJ
      return load<u8>(at + 2) === 0x4a
    case 0x60: // @
      return load<u8>(at) === 0x40 && followsUrl(at, from)
    default:
      return false
  }
}

/** `password`, `passwd`, `passphrase`, `--pass`, `_pass`, `pwd`, `private_key`, `PRIVATE KEY`. */
function isPassword(at: usize, from: usize): bool {
  const second = folded(at + 1)
  if (second === 0x77) return true
  if (second === 0x72) return isKey(at + 7) || load<u8>(at + 7) === 0x20
  if (folded(at + 3) !== 0x73) return false
  const behind = folded(at + 4)
  if (behind === 0x77 || behind === 0x70) return true
  if (at === from) return false
  const before = load<u8>(at - 1)
  return before === 0x5f || before === 0x2d
}

/** `api_key`, `access-key`, `authkey`, `authorization`, `AKIA`, `ASIA`. */
function isAccess(at: usize): bool {
  switch (folded(at + 1)) {
    case 0x70:
      return isKey(at + 3)
    case 0x63:
      return isKey(at + 6)
    case 0x75:
      return isKey(at + 4) || four(at + 4) === oriz
    default:
      return load<u8>(at + 3) === 0x41
  }
}

/** `key`, also behind a hyphen or underscore. */
function isKey(at: usize): bool {
  const byte = load<u8>(at)
  return folded(byte === 0x5f || byte === 0x2d ? at + 1 : at) === 0x6b
}

function isOfGit(at: usize): bool {
  return load<u8>(at + 1) === 0x69 ? load<u8>(at + 6) === 0x5f : load<u8>(at + 5) === 0x2d
}

/** Does `://`, with or without backslashes, stand within 400 bytes before an `@`? */
function followsUrl(at: usize, from: usize): bool {
  const first = at - from > 400 ? at - 400 : from
  for (let colon = at - 1; colon + 1 > first; colon--) {
    if (load<u8>(colon) !== 0x3a) continue
    const slash = behindBackslashes(colon + 1)
    if (load<u8>(slash) === 0x2f && load<u8>(behindBackslashes(slash + 1)) === 0x2f) return true
  }
  return false
}

function behindBackslashes(from: usize): usize {
  let at = from
  while (load<u8>(at) === 0x5c) at++
  return at
}
