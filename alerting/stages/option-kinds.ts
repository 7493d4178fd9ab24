/** The kinds of values that options of receivers have in Alertmanager's configuration. */
import { z } from 'zod'
import { parseDuration } from '../../pipeline/duration.ts'
import { secretOf, type Secret } from '../../pipeline/secret.ts'
import { secretInFile } from './secret.ts'

const noTemplates =
  'Go templates are not run here; write the text itself, or leave the option out to get our own'

/** A text; Alertmanager's own default `standard` (a template) means our default, as does nothing: undefined. */
export function text(standard = '') {
  return z
    .string()
    .nullish()
    .transform((value) => (value && sameTemplate(value, standard) ? undefined : value))
    .transform((value) => value ?? undefined)
    .refine(isNoTemplate, noTemplates)
}

function sameTemplate(one: string, other: string): boolean {
  const bare = (template: string) => template.replaceAll(/\s/g, '')
  return bare(one) === bare(other)
}

function isNoTemplate(value: string | undefined): boolean {
  return !value?.includes('{{')
}

/** A text that must be there. */
export const neededText = z.string().min(1, 'must not be empty').refine(isNoTemplate, noTemplates)

export const texts = z
  .array(neededText)
  .nullish()
  .transform((list) => list ?? [])

export const textRecord = z.record(z.string(), z.string().refine(isNoTemplate, noTemplates))

export const textsByName = textRecord.nullish().transform((values) => values ?? {})

/** As `schema` says; YAML's null is the same as nothing. */
export function maybe<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined)
}

export function flag<T extends boolean | undefined>(standard: T) {
  return z
    .boolean()
    .nullish()
    .transform((value) => value ?? standard)
}

export const count = z
  .int()
  .min(0)
  .nullish()
  .transform((value) => value ?? 0)

/** The path of a file. */
export const file = z
  .string()
  .min(1, 'must not be empty')
  .nullish()
  .transform((value) => value ?? undefined)

export const secret = z
  .string()
  .min(1, 'must not be empty')
  .refine(isNoPlaceholder, 'this is what Alertmanager prints instead of a secret, not the secret')
  .transform(secretOf)
  .nullish()
  .transform((value) => value ?? undefined)

function isNoPlaceholder(value: string): boolean {
  return value !== '<secret>'
}

const address = z
  .string()
  .refine(isNoTemplate, noTemplates)
  .refine(isHttpAddress, 'no address as https://host/path')

/** An address that holds no secret. */
export const url = address.nullish().transform((value) => value ?? undefined)

/** An address that is a secret: who knows it may post there. */
export const secretUrl = address
  .transform(secretOf)
  .nullish()
  .transform((value) => value ?? undefined)

function isHttpAddress(value: string): boolean {
  const parsed = URL.canParse(value) ? new URL(value) : undefined
  return parsed?.protocol === 'http:' || parsed?.protocol === 'https:'
}

const yearMs = 365 * 86_400_000
/** As Go keeps it, in 63 bits of nanoseconds. */
const longest = 2 ** 63 / 1e6

/** Milliseconds of `1h30m`, `2w`, `1y`. */
export const duration = z
  .union([z.string(), z.literal(0).transform(String)])
  .transform((value, context) => {
    const [, years = '0', rest = ''] = /^(?:(\d+)y)?(.*)$/.exec(value) ?? []
    const ms = rest === '' && value !== '' ? 0 : parseDuration(rest)
    const sum = ms === undefined ? Infinity : Number(years) * yearMs + ms
    if (sum < longest) return sum
    context.addIssue({ code: 'custom', message: `no duration as 30s, 5m or 1h30m: ${value}` })
    return z.NEVER
  })

/** Milliseconds; 0: no limit but the sender's own. */
export const timeout = duration.nullish().transform((ms) => ms ?? 0)

/** An option of Alertmanager's that is not implemented: refused where it says something. */
export function unsupported(why = 'this option is not supported here') {
  return z
    .unknown()
    .refine((value) => value === undefined || value === null, why)
    .optional()
    .transform(nothing)
}

/** As {@link unsupported}, but for a flag that may say what is done anyway. */
export function only(value: boolean, why = 'this is not supported here') {
  return z
    .boolean()
    .refine((given) => given === value, why)
    .nullish()
    .transform(nothing)
}

function nothing(): undefined {
  return undefined
}

/** The secret that stands there, or else in the file. */
export function eitherSecret(
  value: Secret | undefined,
  path: string | undefined,
): Secret | undefined {
  return value ?? (path === undefined ? undefined : secretInFile(path))
}

/** A check for options that have both `name` and `name_file`, for each of the names. */
export function notBoth(...names: readonly string[]) {
  return (options: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void => {
    for (const name of names) {
      if (options[name] === undefined || options[`${name}_file`] === undefined) continue
      const message = `${name} and ${name}_file exclude each other`
      context.addIssue({ code: 'custom', path: [`${name}_file`], message })
    }
  }
}
