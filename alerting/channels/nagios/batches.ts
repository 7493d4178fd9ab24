/**
 * Puts items into `run` one batch at a time, in the order they came: what comes while a batch is under way goes together
 * in the next. The promise of an item settles as that of its batch.
 */
export function openBatches<T>(
  maxBatch: number,
  run: (items: T[]) => Promise<void>,
): (item: T) => Promise<void> {
  let collecting: { items: T[]; done: Promise<void> } | undefined
  let last: Promise<unknown> = Promise.resolve()

  async function runAfter(before: Promise<unknown>, items: T[]): Promise<void> {
    await before
    if (collecting?.items === items) collecting = undefined
    await run(items)
  }

  return (item) => {
    if (collecting && collecting.items.length < maxBatch) {
      collecting.items.push(item)
      return collecting.done
    }
    const items = [item]
    const done = runAfter(last, items)
    collecting = { items, done }
    last = done.catch(() => undefined)
    return done
  }
}
