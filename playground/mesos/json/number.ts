/**
 * JSON numbers as Mesos writes them and `JSON.stringify` alone cannot: doubles always with a point (`32.0`), integers
 * beyond 2^53 exactly.
 */

/** Written by `JSON.stringify` as it is. */
export interface RawNumber {
  readonly rawJSON: string
}

// The types that TypeScript brings do not know it yet; Node 22 and later have it.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): RawNumber }

/** A protobuf `double`. */
export function double(value: number): RawNumber {
  const text = String(value)
  return rawJSON(/^-?\d+$/.test(text) ? `${text}.0` : text)
}

export function integer(value: bigint): RawNumber {
  return rawJSON(String(value))
}

/** Seconds since the epoch with a fraction, of a time in ms. */
export function seconds(ms: number): RawNumber {
  return double(microseconds(ms) / 1e6)
}

/** How v1 writes a time; without one it is zero. */
export function time(ms: number | undefined): { nanoseconds: RawNumber } {
  // Mesos multiplies a double too, hence …298845952 for …298846 µs.
  const nanoseconds = ms === undefined ? 0n : BigInt(Math.trunc((microseconds(ms) / 1e6) * 1e9))
  return { nanoseconds: integer(nanoseconds) }
}

/**
 * The model counts ms and Mesos' clock is finer: the digits below are made up, the same for the same time, and below
 * half a millisecond, so that who cuts them off and who rounds come to the same.
 */
function microseconds(ms: number): number {
  const whole = Math.trunc(ms)
  return whole * 1000 + (((whole % 1_000_003) * 7919) % 499)
}
