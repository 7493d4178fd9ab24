import { watch, type FSWatcher } from 'node:fs'

/** Tells at once where something may have changed. That one is missed does no harm: all is looked at now and then. */
export interface WatchHints {
  /** Goes on watching, or begins to; nothing happens where that cannot be done. */
  watch(path: string, onHint: () => void): void
  unwatch(path: string): void
  has(path: string): boolean
  close(): void
}

/** The kernel grants a user some thousands, which others need too. */
const defaultMax = 1000

export function openWatchHints(max = defaultMax): WatchHints {
  const watchers = new Map<string, FSWatcher>()
  let isClosed = false

  function unwatch(path: string): void {
    watchers.get(path)?.close()
    watchers.delete(path)
  }

  return {
    watch(path, onHint) {
      if (isClosed || watchers.has(path) || watchers.size >= max) return
      try {
        const watcher = watch(path, { persistent: false }, onHint)
        watcher.on('error', () => unwatch(path))
        watchers.set(path, watcher)
      } catch {
        // Not there (any more), forbidden, or no more of them are granted.
      }
    },
    unwatch,
    has: (path) => watchers.has(path),
    close() {
      isClosed = true
      for (const path of watchers.keys()) unwatch(path)
    },
  }
}
