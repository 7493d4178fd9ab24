import { quoted } from './words.ts'

/** What an app asks for by a label or a variable of its environment. */
export interface Setting {
  /** `min`, `stabilization.up`, `target.requests`. */
  name: string
  /** `label autoscale.min`, `environment variable AUTOSCALE_MIN`. */
  written: string
  value: string
}

/** `given`: what came over the bus may be of any type. */
export function ofLabel(label: string, given: unknown): Omit<Setting, 'name'> {
  return { written: `label ${quoted(label, 80)}`, value: textOf(given) }
}

export function ofVariable(variable: string, given: unknown): Omit<Setting, 'name'> {
  const written = `environment variable ${quoted(variable, 80).toUpperCase()}`
  return { written, value: textOf(given) }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
