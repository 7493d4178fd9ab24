import { createHash } from 'node:crypto'

/** The first `digits` hexadecimal ones: a short name of a long text. */
export function sha256(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}
