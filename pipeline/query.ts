import type { LogDoc } from './event.ts'

/**
 * The Lucene-like query language, the same wherever a person or a rule selects lines: `error`, `"connection refused"`,
 * `level:error`, `status:>=500`, `msg:time*`, `a AND (b OR NOT c)`. Parsed by liqe; evaluated here on documents;
 * stores translate the same tree.
 *
 * A word matches whole words of the message, whatever their case: a word is a run of letters and digits.
 */
export interface Query {
  /** The text as written. */
  text: string
  matches(doc: LogDoc): boolean
  /** Words that every matching line's message holds, lower case; to choose candidates by a full-text index. */
  words: string[]
  /** If only lines of these levels can match. */
  levels: string[] | undefined
}
