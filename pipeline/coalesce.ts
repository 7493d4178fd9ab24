/**
 * Turns calls into batches: while one batch is under way, further items gather for the next. One commit, and one
 * wait for the disk, for all of them. The next batch is tried whatever became of the one before.
 */
export function coalesce<Item>(flush: (items: Item[]) => Promise<void>) {
  let waiting: { items: Item[]; done: Promise<void> } | undefined
  let running: Promise<void> = Promise.resolve()
  const add = (item: Item): Promise<void> => {
    if (waiting) {
      waiting.items.push(item)
      return waiting.done
    }
    const batch = { items: [item], done: Promise.resolve() }
    waiting = batch
    batch.done = running.then(() => {
      waiting = undefined
      return flush(batch.items)
    })
    running = batch.done.catch(() => {})
    return batch.done
  }
  /** `idle` resolves when the batches of all calls so far are done, or have failed. */
  return Object.assign(add, { idle: () => running })
}
