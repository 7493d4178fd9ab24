import { RE2JS } from 're2js'
import { Trouble } from './errors.ts'

/** A pattern that runs in linear time (RE2), for text a user gives. Throws Trouble. */
export function parsePattern(pattern: string): { test(text: string): boolean } {
  if (/^[\w /:=,;@-]*$/.test(pattern)) return { test: (text) => text.includes(pattern) }
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    throw new Trouble(`not a regular expression: ${pattern}: ${(error as Error).message}`, {
      remedy: 'use RE2 syntax (no look-around, no back-references)',
    })
  }
}
