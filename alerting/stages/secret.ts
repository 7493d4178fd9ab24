import { readFileSync, statSync } from 'node:fs'
import { inspect } from 'node:util'
import { errorCode, Trouble } from '../../pipeline/errors.ts'

/** A value that prints as `[secret]` wherever it lands. */
export interface Secret {
  /** The value itself; call it where it is sent, and keep no copy. Throws Trouble where it stands in a file that cannot be read. */
  reveal(): string
  toString(): string
  toJSON(): string
}

const shown = '[secret]'

export function secretOf(value: string): Secret {
  return hidden(() => value)
}

/** What a file holds, without white space around it. It is read each time, as somebody may change it there. */
export function secretInFile(path: string): Secret {
  return hidden(() => readSecretFile(path))
}

function hidden(reveal: () => string): Secret {
  const show = () => shown
  return Object.freeze({ reveal, toString: show, toJSON: show, [inspect.custom]: show })
}

/** Enough for a bundle of certificates. */
const maxBytes = 1024 * 1024

function readSecretFile(path: string): string {
  const text = readPlainFile(path).trim()
  if (text === '') throw new Trouble(`${path} is empty`)
  return text
}

function readPlainFile(path: string): string {
  try {
    const stat = statSync(path)
    // A pipe would make the caller wait for ever, a device never end.
    if (stat.isFile() && stat.size <= maxBytes) return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Trouble(`cannot read ${path} (${errorCode(error) ?? 'unknown error'})`)
  }
  throw new Trouble(`${path} is no plain file of at most ${maxBytes} bytes`)
}
