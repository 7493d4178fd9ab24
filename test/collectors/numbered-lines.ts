/** `line 3`, `line 4` … */
export const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `line ${from + n}`)

/** The same as a file holds them. */
export const text = (from: number, to: number) =>
  lines(from, to)
    .map((line) => `${line}\n`)
    .join('')
