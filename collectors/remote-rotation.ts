import type { RemoteFile } from './agent-files.ts'

/** A higher number is no rotation's but something else's. */
const maxNumber = 1000

/**
 * The files of a log by their age: 0 is the one that is written to, `base.1` the youngest that was rotated away. Compressed
 * ones are none: an agent cuts what it hands out in pieces, which nobody could unpack before all are there.
 */
export function agesIn(base: string, files: readonly RemoteFile[]): Map<number, RemoteFile> {
  const ages = new Map<number, RemoteFile>()
  for (const file of files) {
    const ending = file.name.startsWith(base) ? file.name.slice(base.length) : undefined
    const age = ending === '' ? 0 : Number(/^\.(\d{1,4})$/.exec(ending ?? '')?.[1] ?? NaN)
    if (file.isRegular && age <= maxNumber) ages.set(age, file)
  }
  return ages
}
