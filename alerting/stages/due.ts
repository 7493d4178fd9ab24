/** What is due when: the earliest first. A key that is set again replaces its earlier time. */
export interface DueQueue {
  set(key: string, at: number): void
  delete(key: string): void
  /** The earliest time, undefined where nothing waits. */
  earliest(): number | undefined
  /** Takes the earliest key that is due at `now`. */
  take(now: number): string | undefined
}

interface Entry {
  key: string
  at: number
  /** Of equal times the first set comes first. */
  order: number
}

/** A binary heap; entries that were replaced stay in it until they come up, or make up more than half of it. */
export function createDueQueue(): DueQueue {
  const current = new Map<string, Entry>()
  let heap: Entry[] = []
  let order = 0
  const isCurrent = (entry: Entry) => current.get(entry.key) === entry
  const top = () => {
    while (heap[0] && !isCurrent(heap[0])) pop(heap)
    return heap[0]
  }
  const compact = () => {
    // Sorted entries are a heap.
    if (heap.length > 2 * current.size + 16) heap = [...current.values()].toSorted(compare)
  }
  return {
    set: (key, at) => {
      const entry = { key, at, order: order++ }
      current.set(key, entry)
      push(heap, entry)
      compact()
    },
    delete: (key) => {
      current.delete(key)
      compact()
    },
    earliest: () => top()?.at,
    take: (now) => {
      const entry = top()
      if (!entry || entry.at > now) return undefined
      current.delete(entry.key)
      pop(heap)
      return entry.key
    },
  }
}

function compare(a: Entry, b: Entry): number {
  return a.at - b.at || a.order - b.order
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above]
    if (!parent || compare(parent, entry) <= 0) break
    heap[at] = parent
    at = above
  }
  heap[at] = entry
}

function pop(heap: Entry[]): void {
  const last = heap.pop()
  if (!last || heap.length === 0) return
  let at = 0
  for (;;) {
    const child = smallerChild(heap, at)
    const below = heap[child]
    if (!below || compare(last, below) <= 0) break
    heap[at] = below
    at = child
  }
  heap[at] = last
}

function smallerChild(heap: readonly Entry[], at: number): number {
  const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]]
  return left && right && compare(right, left) < 0 ? 2 * at + 2 : 2 * at + 1
}
