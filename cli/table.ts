import { harmless } from './harmless.ts'

/** Columns under headings, aligned; a column of numbers to the right. Ends with a newline. */
export function table(headings: readonly string[], rows: readonly (string | number)[][]): string {
  const cells = rows.map((row) => row.map((cell) => harmless(String(cell))))
  const widths = headings.map((heading, i) =>
    Math.max(heading.length, ...cells.map((row) => row[i]?.length ?? 0)),
  )
  const numeric = headings.map(
    (_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return `${[headings, ...cells].map(line).join('\n')}\n`
}
