import {
  openWriter,
  readNumber,
  writeNumber,
  writtenBy,
  type DigitWriter,
  type NumberReader,
} from './digits.ts'

/*
 * The distribution of numbers, small and mergeable: DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019). Numbers are counted
 * in buckets whose ends are the powers of `growth`, on both sides of zero, and zero is a bucket of its own. The number in the
 * middle of a bucket is never further than (growth − 1) / (growth + 1) = 0.99 % from any in it; the rest to 1 % is room for
 * rounding.
 *
 * Of more than `maxBuckets` the lowest are counted in the lowest that is kept. So what is kept depends on the numbers
 * alone, not on their order or on what was merged when: whatever is below that many others stays below them. Lowest means
 * by value, not by distance from zero: latencies and sizes are asked for by their upper quantiles, and these stay
 * within 1 % whatever the signs. Positive numbers alone fill the buckets only when they spread over more than 17 decades.
 */

const growth = 1.02
const maxBuckets = 2048

/** Counts by bucket. Empty buckets are left out. */
export interface Sketch {
  /** Ascending as their numbers are: 0 is zero, the negative are the mirror of the positive. */
  keys: number[]
  /** Of the bucket at the same place in `keys`, ≥ 1; stays at the largest safe integer once there. */
  counts: number[]
}

const perLog = 1 / Math.log(growth)
/** Below this a number has not the digits for 1 %; it is counted as zero. */
const smallest = 2 ** -1022
/** The power of `growth` below the smallest number: positive keys begin with 1. */
const base = Math.ceil(Math.log(smallest) * perLog) - 1
const maxKey = Math.ceil(Math.log(Number.MAX_VALUE) * perLog) - base

/** Of no number yet. */
export function openSketch(): Sketch {
  return { keys: [], counts: [] }
}

/** Counts a number; its unit is the caller's. Throws a RangeError where it is not finite. */
export function addTo(sketch: Sketch, value: number): void {
  if (!Number.isFinite(value)) throw new RangeError(`${value} cannot be counted in a sketch`)
  const { keys, counts } = sketch
  const key = keyOf(value)
  const at = placeOf(keys, key)
  if (keys[at] === key) {
    counts[at] = sumOf(counts[at] as number, 1)
    return
  }
  keys.splice(at, 0, key)
  counts.splice(at, 0, 1)
  if (keys.length > maxBuckets) collapse(sketch)
}

/** The bucket of a finite number: of a positive one the `key` with growth ** (key − 1) < number / growth ** base ≤ growth ** key. */
function keyOf(value: number): number {
  const magnitude = Math.abs(value)
  if (magnitude < smallest) return 0
  const key = Math.ceil(Math.log(magnitude) * perLog) - base
  return value < 0 ? -key : key
}

/** Of all numbers in the bucket none is further from it than 1 %. */
function valueOf(key: number): number {
  if (key === 0) return 0
  const lowerEnd = growth ** (Math.abs(key) + base - 1)
  const middle = Math.min((lowerEnd * 2 * growth) / (1 + growth), Number.MAX_VALUE)
  return key < 0 ? -middle : middle
}

/** The first place whose key is not lower. */
function placeOf(keys: readonly number[], key: number): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] as number) < key) low = middle + 1
    else high = middle
  }
  return low
}

const sumOf = (one: number, other: number) => Math.min(one + other, Number.MAX_SAFE_INTEGER)

/** Counts the lowest buckets that are too many in the lowest that is kept. */
function collapse({ keys, counts }: Sketch): void {
  const surplus = keys.length - maxBuckets
  if (surplus <= 0) return
  keys.splice(0, surplus)
  const lowest = counts.splice(0, surplus)
  counts[0] = lowest.reduce(sumOf, counts[0] as number)
}

/** Adds what another sketch counted; the other stays as it is. */
export function mergeInto(sketch: Sketch, other: Sketch): void {
  const missing = addShared(sketch, other)
  if (missing === 0) return
  insertMissing(sketch, other, missing)
  collapse(sketch)
}

/** Adds the counts of the buckets that both have; says how many of the other's are missing here. */
function addShared({ keys, counts }: Sketch, other: Sketch): number {
  let missing = 0
  let at = 0
  for (let from = 0; from < other.keys.length; from++) {
    const key = other.keys[from] as number
    while (at < keys.length && (keys[at] as number) < key) at++
    if (keys[at] === key) counts[at] = sumOf(counts[at] as number, other.counts[from] as number)
    else missing++
  }
  return missing
}

/** Takes over the buckets that only the other has. From above, so that each of ours moves once, into room that is free. */
function insertMissing({ keys, counts }: Sketch, other: Sketch, missing: number): void {
  let at = keys.length - 1
  let from = other.keys.length - 1
  for (let i = 0; i < missing; i++) {
    keys.push(0)
    counts.push(0)
  }
  for (let left = missing; left > 0;) {
    const key = other.keys[from] as number
    const ours = at >= 0 ? (keys[at] as number) : -Infinity
    if (ours >= key) {
      keys[at + left] = ours
      counts[at + left] = counts[at] as number
      at--
      if (ours === key) from--
    } else {
      keys[at + left] = key
      counts[at + left] = other.counts[from] as number
      left--
      from--
    }
  }
}

/**
 * The number at rank ⌊q · (count − 1)⌋ of the sorted numbers, within 1 % of it (where buckets were collapsed, that of the
 * lowest kept). Undefined when empty; throws a RangeError where q is not in [0, 1]. Who knows the extremes may cut the
 * answer to them: it may lie a little outside.
 */
export function quantileOf(sketch: Sketch, q: number): number | undefined {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`a quantile of ${q} is not between 0 and 1`)
  const { keys, counts } = sketch
  if (keys.length === 0) return undefined
  const rank = Math.floor(q * (counts.reduce((sum, count) => sum + count, 0) - 1))
  let at = 0
  // Beyond the safe integers the sum is not exact: the last bucket is the answer even then.
  for (let above = rank; at < keys.length - 1 && above >= (counts[at] as number); at++) {
    above -= counts[at] as number
  }
  return valueOf(keys[at] as number)
}

/** The digits of the longest entry: four of a step, eleven of a count. */
const maxEntry = 15
const maxLength = maxBuckets * maxEntry

/** The same text for the same numbers, in whatever order and parts they came; of none it is empty. */
export function encodeSketch({ keys, counts }: Sketch): string {
  const text = openWriter(keys.length * maxEntry)
  let previous: number | undefined
  for (const [at, key] of keys.entries()) {
    const step = previous === undefined ? zigzag(key) : key - previous - 1
    writeEntry(text, step, counts[at] as number)
    previous = key
  }
  return writtenBy(text)
}

/** A step and a count together, as most counts are small: 1, 2, 3 stand beside the step, larger ones less 4 behind it. */
function writeEntry(to: DigitWriter, step: number, count: number): void {
  if (count < 4) return writeNumber(to, step * 4 + count)
  writeNumber(to, step * 4)
  writeNumber(to, count - 4)
}

const zigzag = (value: number) => (value < 0 ? -2 * value - 1 : 2 * value)
const unzigzag = (value: number) => (value % 2 === 1 ? -(value + 1) / 2 : value / 2)

/** The inverse of {@link encodeSketch}. Throws a TypeError with a sentence where the text is none of its. */
export function decodeSketch(text: unknown): Sketch {
  if (typeof text !== 'string') throw new TypeError('not a sketch: no text')
  if (text.length > maxLength) throw new TypeError(`not a sketch: longer than ${maxLength}`)
  try {
    return readSketch({ text, at: 0 })
  } catch (error) {
    throw new TypeError(`not a sketch: ${(error as Error).message}`, { cause: error })
  }
}

function readSketch(from: NumberReader): Sketch {
  const { text } = from
  const sketch = openSketch()
  const { keys, counts } = sketch
  let previous: number | undefined
  while (from.at < text.length) {
    const start = from.at
    const head = readNumber(from)
    const step = Math.floor(head / 4)
    const key = previous === undefined ? unzigzag(step) : previous + 1 + step
    const count = head % 4 || readNumber(from) + 4
    if (Math.abs(key) > maxKey) throw new TypeError(`the bucket at ${start} is of no number`)
    if (count > Number.MAX_SAFE_INTEGER) throw new TypeError(`the count at ${start} is too large`)
    if (keys.length === maxBuckets) throw new TypeError(`more than ${maxBuckets} buckets`)
    keys.push(key)
    counts.push(count)
    previous = key
  }
  return sketch
}
