import { isDigit, isLetter } from './bytes'

/*
 * AssemblyScript. Whether a line may belong to the one before, or the one behind it to it; what is not certain at the
 * first bytes is left to `collectors/multiline.ts`.
 */

/** May this line begin a stack trace of a special form, or hold one? Then others look at it. */
export function beginsSpecially(from: usize, stop: usize): bool {
  if (stop - from < 2) return false
  switch (load<u16>(from)) {
    case 0x7254: // Tr(aceback)
    case 0x6170: // pa(nic)
    case 0x6166: // fa(tal error)
    case 0x6f67: // go(routine)
    case 0x6e55: // Un(handled exception)
    case 0x6874: // th(read)
      return true
    default:
      return false
  }
}

/** Can nothing follow this line? True of empty ones and of whole JSON objects. */
export function isSingle(from: usize, stop: usize): bool {
  if (stop === from) return true
  return load<u8>(from) === 0x7b && stop - from > 1 && load<u8>(stop - 1) === 0x7d
}

/** Is it certain that this line does not follow a line of plain text? */
export function startsAnew(from: usize, stop: usize): bool {
  if (stop === from) return true
  const first = load<u8>(from)
  if (isDigit(first) || first === 0x7b || first === 0x5b) return true
  if (first === 0x20 || first === 0x5c || first === 0x2e || first === 0x2d) return false
  if (isLetter(first)) return first < 0x60 ? startsWithCapital(first) : !isQualified(from, stop)
  return true
}

/** `Caused by`, `Suppressed`, `Stack trace`, `Traceback`, `PHP Stack trace`. */
function startsWithCapital(first: u8): bool {
  return first !== 0x43 && first !== 0x53 && first !== 0x54 && first !== 0x50
}

/** A qualified name, as of an exception in Java, or Go's `goroutine`. */
function isQualified(from: usize, stop: usize): bool {
  if (load<u16>(from) === 0x6f67) return true
  let at = from
  while (at < stop && (isLetter(load<u8>(at)) || isDigit(load<u8>(at)) || isOther(load<u8>(at))))
    at++
  return at < stop && load<u8>(at) === 0x2e
}

/** The other characters of a name. */
function isOther(byte: u8): bool {
  return byte === 0x5f || byte === 0x24
}
