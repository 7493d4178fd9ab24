import type { Amount } from '../pipeline/decision.ts'
import { formatDuration } from '../pipeline/duration.ts'

/** Three digits say enough for a person: `35.7`, `0.0123`, `1240`. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  // 35.65 is a little less as a binary number; people round it up.
  const even = value * (1 + 1e-12)
  return String(Math.abs(even) >= 1000 ? Math.round(even) : Number(even.toPrecision(3)))
}

/** `71.3/s`, `93 %`, `1.5 GiB`, `12 instances`. */
export function quantity(value: number, unit: string | undefined): string {
  if (unit === undefined) return number(value)
  if (unit === 'ratio') return `${number(value * 100)} %`
  if (unit === 'bytes' || unit === 'bytes/s') return bytes(value) + unit.slice('bytes'.length)
  return unit.startsWith('/') ? number(value) + unit : `${number(value)} ${unit}`
}

function bytes(value: number): string {
  let scaled = value
  for (const unit of ['B', 'KiB', 'MiB']) {
    if (Math.abs(scaled) < 1024) return `${number(scaled)} ${unit}`
    scaled /= 1024
  }
  return `${number(scaled)} GiB`
}

/** Of instances: `2`, `50 %`. */
export function amountWords(amount: Amount): string {
  return 'count' in amount ? `${amount.count}` : `${number(amount.percent)} %`
}

/** Whole seconds; what is shorter as it is. */
export function span(ms: number): string {
  const positive = Math.max(0, Math.round(ms))
  return formatDuration(positive < 1000 ? positive : Math.round(positive / 1000) * 1000)
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** `a, b and c` */
export function listed(words: readonly string[]): string {
  const last = words.at(-1)
  if (last === undefined || words.length === 1) return last ?? ''
  return `${words.slice(0, -1).join(', ')} and ${last}`
}

/** Somebody else's text as part of a sentence: one line, bounded. */
export function quoted(text: string, most = 200): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > most ? `${line.slice(0, most)}…`.toWellFormed() : line
}
