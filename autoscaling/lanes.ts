/** At most `limit` of what is run at once, the others in their order. */
export function openLanes(limit: number) {
  const waiting: (() => void)[] = []
  let running = 0
  return async <T>(task: () => Promise<T>): Promise<T> => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await task()
    } finally {
      // The lane is handed on, or free.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
