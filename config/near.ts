/** The name of `known` that `written` most likely means; undefined if none is near. */
export function nearestName(written: string, known: readonly string[]): string | undefined {
  const short = written.slice(0, 64).toLowerCase()
  const ranked = known
    .map((name) => ({ name, distance: editDistance(short, name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance)
  return ranked[0]?.name
}

/** Letters to insert, delete, replace or exchange with their neighbour to make one text of the other. */
function editDistance(a: string, b: string): number {
  let older: number[] = []
  let old = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        (old[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (old[j - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (older[j - 2] ?? 0) + 1 : Infinity,
      )
    }
    older = old
    old = row
  }
  return old[b.length] ?? 0
}
