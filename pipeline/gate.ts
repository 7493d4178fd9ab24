/** Lets `limit` actions run at once, the others in the order they came. */
export function openGate(limit: number) {
  let free = limit
  const queue: (() => void)[] = []
  return async <T>(action: () => Promise<T>): Promise<T> => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      return await action()
    } finally {
      const next = queue.shift()
      if (next) next()
      else free++
    }
  }
}
