/** JSON as Go's encoder writes it, byte for byte: what receivers get of Alertmanager. */
import { compareText, type Labels } from '../stages/labels.ts'

/** An object is a struct: its fields in their order, those that are undefined left out. A Map is Go's: sorted by its keys. */
export type Encodable =
  | string
  | number
  | boolean
  | null
  | readonly Encodable[]
  | ReadonlyMap<string, Encodable>
  | { readonly [field: string]: Encodable | undefined }

export function goJson(value: Encodable): string {
  if (typeof value === 'string') return goString(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (isList(value)) return `[${value.map(goJson).join(',')}]`
  const fields = value instanceof Map ? sorted(value) : Object.entries(value)
  const parts = fields.flatMap(([name, field]) =>
    field === undefined ? [] : `${goString(name)}:${goJson(field)}`,
  )
  return `{${parts.join(',')}}`
}

const isList = (value: object): value is readonly Encodable[] => Array.isArray(value)

function sorted(map: ReadonlyMap<string, Encodable>): [string, Encodable][] {
  return [...map].toSorted(([a], [b]) => compareText(a, b))
}

/** Markup is escaped, so that the text does no harm where somebody shows it as HTML. A lone surrogate becomes U+FFFD. */
function goString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(/[<>&\u2028\u2029]/g, byNumber)
}

const byNumber = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`

export function mapOf(labels: Labels): ReadonlyMap<string, string> {
  return new Map(Object.entries(labels))
}

/** Of the years 1 and 9999. */
const [firstMs, lastMs] = [Date.parse('0001-01-01'), Date.parse('9999-12-31')]

/** A time in ms as RFC 3339 without zeros at its end; without a time, Go's zero. */
export function goTime(ms: number | undefined): string {
  if (ms === undefined) return '0001-01-01T00:00:00Z'
  return isoTime(ms).replace(/\.?0+Z$/, 'Z')
}

/** With milliseconds; what has no year of four digits becomes the nearest that has. */
export function isoTime(ms: number): string {
  return new Date(Math.min(Math.max(ms, firstMs), lastMs)).toISOString()
}
