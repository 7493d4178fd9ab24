/** A binary heap: the item that comes first by `compare` is on top. */
export function openHeap<Item>(compare: (a: Item, b: Item) => number) {
  const items: Item[] = []
  const at = (i: number) => items[i] as Item
  const swap = (i: number, j: number) => {
    ;[items[i], items[j]] = [at(j), at(i)]
  }

  function sink(): void {
    for (let i = 0; ;) {
      let least = i
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < items.length && compare(at(child), at(least)) < 0) least = child
      }
      if (least === i) return
      swap(i, least)
      i = least
    }
  }

  return {
    /** Undefined when it is empty. */
    top: () => items[0],
    push(item: Item): void {
      items.push(item)
      for (let i = items.length - 1; i > 0;) {
        const parent = (i - 1) >> 1
        if (compare(at(i), at(parent)) >= 0) return
        swap(i, parent)
        i = parent
      }
    },
    pop(): Item | undefined {
      const first = items[0]
      const last = items.pop()
      if (items.length > 0) {
        items[0] = last as Item
        sink()
      }
      return first
    },
  }
}
