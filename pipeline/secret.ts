import { inspect } from 'node:util'

/** A value that prints as `[secret]` wherever it lands: in a text, in JSON, in a log, in the debugger. */
export interface Secret {
  /** The value itself; call it where it is sent, and keep no copy. Throws Trouble where it stands in a file that cannot be read. */
  reveal(): string
  toString(): string
  toJSON(): string
}

const shown = '[secret]'

export function secretOf(value: string): Secret {
  return secretFrom(() => value)
}

/** One whose value is looked up each time. */
export function secretFrom(reveal: () => string): Secret {
  const show = () => shown
  return Object.freeze({ reveal, toString: show, toJSON: show, [inspect.custom]: show })
}

export function isSecret(value: unknown): value is Secret {
  return typeof value === 'object' && value !== null && 'reveal' in value
}
