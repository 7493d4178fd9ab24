/** What a `JSON.parse` reviver is given third; TypeScript's library does not know it yet. */
interface Source {
  source?: string
}

/** An integer of so many digits may be beyond 2^53; inside a text it only costs time. */
const longInteger = /(?:^|[:[,\s])(-?\d{16,})(?![\d.eE])/
const longIntegers = new RegExp(longInteger, 'g')
/** Other ways to write a number as large. */
const otherwise = /(?:^|[:[,\s])-?(?:\d+(?:\.\d+)?[eE]\+?\d|\d{16,}\.\d)/
/** Longer ones count nothing; reading them as BigInt would only take time. */
const maxDigits = 40

/**
 * `JSON.parse`, but integers that a JavaScript number cannot hold exactly (Mesos' nanoseconds, memory limits near 2^63)
 * come as BigInt. An answer without such integers costs one scan more, one with them a walk over its values. Throws
 * SyntaxError as `JSON.parse`, RangeError for one that is nested too deep.
 *
 * @example
 * parseJson('{"nanoseconds":1501191957829317120,"cpus":0.1}') // { nanoseconds: 1501191957829317120n, cpus: 0.1 }
 */
export function parseJson(text: string): unknown {
  if (!longInteger.test(text)) return JSON.parse(text)
  const integers = integersByNumber(text)
  // A reviver is asked for every value, with its source: five times as slow as all else.
  if (!integers) return JSON.parse(text, exact as (key: string, value: unknown) => unknown)
  return withIntegers(JSON.parse(text), integers)
}

/**
 * What is written, by the number that JavaScript makes of it; undefined where two that differ become the same number, or
 * it may be written in another way. What stands inside a text is among them, and does no harm.
 */
function integersByNumber(text: string): Map<number, bigint> | undefined {
  if (otherwise.test(text)) return undefined
  const integers = new Map<number, bigint>()
  for (const [, digits = ''] of text.matchAll(longIntegers)) {
    if (digits.length > maxDigits) return undefined
    const number = Number(digits)
    const integer = BigInt(digits)
    if ((integers.get(number) ?? integer) !== integer) return undefined
    integers.set(number, integer)
  }
  return integers
}

function withIntegers(value: unknown, integers: Map<number, bigint>): unknown {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? value : (integers.get(value) ?? value)
  }
  if (typeof value !== 'object' || value === null) return value
  const fields = value as Record<string, unknown>
  for (const key of Object.keys(fields)) {
    const before = fields[key]
    if (typeof before === 'string') continue
    const after = withIntegers(before, integers)
    // The key may be `__proto__`.
    if (after !== before) Object.defineProperty(fields, key, { ...plain, value: after })
  }
  return value
}

const plain = { configurable: true, enumerable: true, writable: true }

function exact(_key: string, value: unknown, { source }: Source): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined) return value
  return source.length <= maxDigits && /^-?\d+$/.test(source) ? BigInt(source) : value
}
