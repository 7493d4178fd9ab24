/**
 * Turns calls into batches: while one batch is under way, further items gather for the next. One commit, and one
 * wait for the disk, for all of them. The next batch is tried whatever became of the one before. A batch has at most `most`
 * items: what comes beyond waits for the one after it.
 */
export function coalesce<Item>(flush: (items: Item[]) => Promise<void>, most = Infinity) {
  let waiting: { items: Item[]; done: Promise<void> } | undefined
  let running: Promise<void> = Promise.resolve()
  const add = (item: Item): Promise<void> => {
    if (waiting && waiting.items.length < most) {
      waiting.items.push(item)
      return waiting.done
    }
    const batch = { items: [item], done: Promise.resolve() }
    waiting = batch
    batch.done = running.then(() => {
      if (waiting === batch) waiting = undefined
      return flush(batch.items)
    })
    running = batch.done.catch(() => {})
    return batch.done
  }
  /** `idle` resolves when the batches of all calls so far are done, or have failed. */
  return Object.assign(add, { idle: () => running })
}
