import { readFileSync, statSync } from 'node:fs'
import { errorCode, Trouble } from '../pipeline/errors.ts'
import { secretOf, type Secret } from '../pipeline/secret.ts'

const maxBytes = 64 * 1024

/**
 * The secret that a setting names: `file:/path` is the content of that file without its final newline, anything
 * else is the value itself. Throws a Trouble whose message never holds the value.
 */
export function readSecret(text: string): Secret {
  const value = text.startsWith('file:') ? readSecretFile(text.slice('file:'.length)) : text
  if (value === '') throw new Trouble('the secret is empty')
  return secretOf(value)
}

function readSecretFile(path: string): string {
  try {
    const { size } = checkedFile(path)
    if (size > maxBytes) throw new Trouble(`${path} has ${size} bytes, too many for a secret`)
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    if (error instanceof Trouble) throw error
    throw new Trouble(`cannot read ${path} (${errorCode(error) ?? 'unknown error'})`)
  }
}

function checkedFile(path: string) {
  const stat = statSync(path)
  // A pipe would make the start wait for ever, a device never end.
  if (!stat.isFile()) throw new Trouble(`${path} is not a plain file`)
  return stat
}
