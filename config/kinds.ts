import { z } from 'zod'
import { Trouble } from '../pipeline/errors.ts'
import { parsePattern, parseQuery } from '../pipeline/query.ts'
import { namesIn } from './condition.ts'
import { parseAmount, parseQuantity } from '../pipeline/quantity.ts'
import type { Secret } from '../pipeline/secret.ts'
import { readSecret } from './secret.ts'
import { formatDuration, parseDuration, parseSize } from './units.ts'

/** What the reference says of a kind of value, and whether it may be shown. */
export interface KindMeta {
  kind: string
  secret?: boolean
}

/** What a fault of a value carries beside its sentence. */
export interface KindFault {
  meta: KindMeta
  /** The sentence holds the value or parts of it: not to be shown where the value came from the environment. */
  plain: string | undefined
}

/**
 * A kind of value: `read` gives the parsed value, undefined if the written one is not of this kind, or throws a
 * Trouble that says more. Faults read "expected …"; the loader adds what it got, unless that is a secret.
 */
function kindOf<T>(meta: KindMeta, expected: string, read: (value: unknown) => T | undefined) {
  return z
    .unknown()
    .transform((value, context): T => {
      const complain = (message: string, plain?: string) => {
        const params: KindFault = { meta, plain }
        context.issues.push({ code: 'custom', message, input: value, params: { ...params } })
        return z.NEVER
      }
      if (value === undefined) return complain(`is missing: expected ${expected}`)
      try {
        return read(value) ?? complain(`expected ${expected}`)
      } catch (error) {
        if (!(error instanceof Trouble)) throw error
        return complain(error.message, `expected ${expected}`)
      }
    })
    .meta({ ...meta })
}

const asText = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

/** A text that is not empty. Numbers are taken as written, since `cluster: 7` means the name "7". */
export const text = (example = 'text') =>
  kindOf({ kind: 'text' }, example, (value) =>
    typeof value === 'number' ? String(value) : asText(value),
  )

/** A text that `check` accepts; it throws a Trouble (or returns false) otherwise. */
export const checkedText = (kind: string, expected: string, check: (value: string) => unknown) =>
  kindOf({ kind }, expected, (value) => {
    const given = asText(value)
    return given !== undefined && check(given) !== false ? given : undefined
  })

export const secret = () =>
  kindOf<Secret>(
    { kind: 'secret', secret: true },
    'a secret as text, ${ENVIRONMENT_VARIABLE} or file:/path',
    (value) => (typeof value === 'string' ? readSecret(value) : undefined),
  )

/** Values from the environment are texts, so digits in quotes are a number too. */
export const wholeNumber = (min: number, max: number) =>
  kindOf({ kind: 'number' }, `a whole number from ${min} to ${max}`, (value) => {
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
    const fits = Number.isInteger(number) && (number as number) >= min && (number as number) <= max
    return fits ? (number as number) : undefined
  })

/** Above zero; digits in quotes are a number too. */
export const positiveNumber = () =>
  kindOf({ kind: 'number' }, 'a number above 0', (value) => {
    const number = typeof value === 'string' && /^\d*\.?\d+$/.test(value) ? Number(value) : value
    return typeof number === 'number' && Number.isFinite(number) && number > 0 ? number : undefined
  })

const quantityOf = (value: unknown): number | undefined => {
  const number = typeof value === 'string' ? parseQuantity(value) : value
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : undefined
}

/** Of a signal; `60%` is 0.6. */
export const quantity = () =>
  kindOf({ kind: 'number' }, 'a number, or a share like 60%', quantityOf)

/** Of instances: `2`, `50%`. */
export const amount = () =>
  kindOf({ kind: 'number or share' }, 'a whole number above 0, or a share like 50%', (value) =>
    parseAmount(`${typeof value === 'number' ? value : asText(value)}`),
  )

/** What instances shall have of a signal: each on average, or all together as a value. */
export const scalingTarget = () =>
  kindOf(
    { kind: 'number' },
    'a number above 0, a share like 60%, or { value: 30 } for what all shall have',
    (value): { average: number } | { value: number } | undefined => {
      const given = Object(value) as Record<string, unknown>
      const [kind, ...others] = typeof value === 'object' ? Object.keys(given) : ['average']
      if ((kind !== 'average' && kind !== 'value') || others.length > 0) return undefined
      const number = quantityOf(typeof value === 'object' ? given[kind] : value)
      if (number === undefined || number === 0) return undefined
      return kind === 'value' ? { value: number } : { average: number }
    },
  )

export const flag = () =>
  kindOf({ kind: 'true or false' }, 'true or false', (value) =>
    value === true || value === 'true'
      ? true
      : value === false || value === 'false'
        ? false
        : undefined,
  )

export const oneOf = <const T extends string>(values: readonly T[]) =>
  kindOf(
    { kind: values.map((value) => `\`${value}\``).join(', ') },
    `one of ${values.join(', ')}`,
    (value) => values.find((known) => known === value),
  )

/** Milliseconds. */
export const duration = (min = 0) =>
  kindOf({ kind: 'duration' }, durationExpected(min), (value) => {
    const ms = value === 0 ? 0 : typeof value === 'string' ? parseDuration(value) : undefined
    return ms !== undefined && ms >= min ? ms : undefined
  })

const durationExpected = (min: number) =>
  min === 0 ? 'a duration like 5s' : `a duration like 5s, at least ${formatDuration(min)}`

/** Bytes. */
export const size = (min: string) => {
  const least = parseSize(min) ?? 0
  return kindOf({ kind: 'size' }, `a size like 256KiB, at least ${min}`, (value) => {
    const bytes =
      typeof value === 'number' || typeof value === 'string' ? parseSize(`${value}`) : undefined
    return bytes !== undefined && bytes >= least ? bytes : undefined
  })
}

export const url = () =>
  checkedText('URL', 'an address like https://logs.example.org', (value) => {
    if (!/^https?:\/\//.test(value) || !URL.canParse(value)) return false
    return true
  })

/** A regular expression of the linear-time kind (RE2). */
export const pattern = () =>
  checkedText('regular expression', 'a regular expression (RE2)', (value) => parsePattern(value))

/** A Lucene-like query; the empty one means all lines. */
export const query = () =>
  kindOf({ kind: 'query' }, 'a query like level:error OR timeout', (value) =>
    typeof value === 'string' ? parseQuery(value).text : undefined,
  )

/** A number made of signals, in CEL. */
export const expression = () =>
  checkedText('expression', 'an expression like errors / requests', (value) => namesIn(value))

/** A condition over signals, in CEL. */
export const condition = () =>
  checkedText('condition', 'a condition like error_rate > 5', (value) => namesIn(value))
