/** What a `JSON.parse` reviver is given third; TypeScript's library does not know it yet. */
interface Source {
  source?: string
}

/** An integer of so many digits may be beyond 2^53; inside a text it only costs time. */
const longInteger = /[:[,\s]-?\d{16,}(?![\d.eE])/
/** Longer ones count nothing; reading them as BigInt would only take time. */
const maxDigits = 40

/**
 * `JSON.parse`, but integers that a JavaScript number cannot hold exactly (Mesos' nanoseconds, memory limits near 2^63)
 * come as BigInt. An answer without such integers costs one scan more. Throws SyntaxError as `JSON.parse`, RangeError
 * for one that is nested too deep.
 *
 * @example
 * parseJson('{"nanoseconds":1501191957829317120,"cpus":0.1}') // { nanoseconds: 1501191957829317120n, cpus: 0.1 }
 */
export function parseJson(text: string): unknown {
  if (!longInteger.test(text)) return JSON.parse(text)
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown)
}

function exact(_key: string, value: unknown, { source }: Source): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined) return value
  return source.length <= maxDigits && /^-?\d+$/.test(source) ? BigInt(source) : value
}
