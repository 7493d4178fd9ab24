import { readFileSync, statSync } from 'node:fs'
import { errorCode, Trouble } from '../../pipeline/errors.ts'
import { secretFrom, type Secret } from '../../pipeline/secret.ts'

/** What a file holds, without white space around it. It is read each time, as somebody may change it there. */
export function secretInFile(path: string): Secret {
  return secretFrom(() => readSecretFile(path))
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
