import { isDigit } from './bytes'

/*
 * AssemblyScript. Times as Docker writes them: `2026-11-22T18:25:51.633858316Z`, the zeros at the end left out. The
 * second is understood once: neighbours mostly share it.
 */

/** The second read last, as text: `2026-11-22T18:25:51.`. */
const known: usize = memory.data(32)
let knownSeconds: i64 = -1

/** Of the time read last: seconds since the epoch, digits of the fraction, address behind the `Z`. */
export let seconds: i64 = 0
export let digits: i32 = 0
export let timeEnd: usize = 0

/** False if there is no such time at `at`, or one with odd numbers or without a fraction, which others may read. */
export function readTime(at: usize): bool {
  if (!isKnown(at) && !readSecond(at)) return false
  let end = at + 20
  while (isDigit(load<u8>(end))) end++
  digits = <i32>(end - at - 20)
  if (digits < 1 || digits > 9 || load<u8>(end) !== 0x5a) return false
  seconds = knownSeconds
  timeEnd = end + 1
  return true
}

/** Nanoseconds since the epoch, of the second and the fraction that begins at `at`. */
export function nanoseconds(second: i64, at: usize, count: i32): i64 {
  let fraction: i64 = 0
  for (let n = 0; n < 9; n++) {
    fraction = fraction * 10 + (n < count ? <i64>load<u8>(at + n) - 0x30 : 0)
  }
  return second * 1_000_000_000 + fraction
}

function isKnown(at: usize): bool {
  return (
    knownSeconds >= 0 &&
    load<u64>(at) === load<u64>(known) &&
    load<u64>(at + 8) === load<u64>(known + 8) &&
    load<u32>(at + 16) === load<u32>(known + 16)
  )
}

function readSecond(at: usize): bool {
  if (load<u8>(at + 4) !== 0x2d || load<u8>(at + 7) !== 0x2d || load<u8>(at + 10) !== 0x54)
    return false
  if (load<u8>(at + 13) !== 0x3a || load<u8>(at + 16) !== 0x3a || load<u8>(at + 19) !== 0x2e)
    return false
  const century = two(at)
  const year = century < 0 || two(at + 2) < 0 ? -1 : century * 100 + two(at + 2)
  const month = two(at + 5)
  const day = two(at + 8)
  const hour = two(at + 11)
  const minute = two(at + 14)
  const second = two(at + 17)
  if (year < 2002 || month < 1 || month > 12 || day < 1 || day > 28 + longer(year, month))
    return false
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false
  memory.copy(known, at, 20)
  knownSeconds = (<i64>daysTo(year, month, day) * 24 + hour) * 3600 + minute * 60 + second
  return true
}

/** A number of two digits; -1000 if there is none. */
function two(at: usize): i32 {
  const tens = load<u8>(at) - 0x30
  const ones = load<u8>(at + 1) - 0x30
  return tens < 10 && ones < 10 ? <i32>tens * 10 + <i32>ones : -1000
}

/** How many days more than 28 a month has. */
function longer(year: i32, month: i32): i32 {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 1 : 0
  return month === 4 || month === 6 || month === 9 || month === 11 ? 2 : 3
}

/** Days since 1970-01-01; the year is counted from March. */
function daysTo(year: i32, month: i32, day: i32): i32 {
  const from = month > 2 ? year : year - 1
  const monthOfYear = month > 2 ? month - 3 : month + 9
  const leapDays = from / 4 - from / 100 + from / 400
  return from * 365 + leapDays + (153 * monthOfYear + 2) / 5 + day - 719_469
}
