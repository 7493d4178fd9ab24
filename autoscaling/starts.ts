import type { JournalEntry } from './journal.ts'
import { groupTasks } from './tasks.ts'

/** How long instances of a service took from being staged to being ready, as the journal tells it. */
export function openStarts(service: string) {
  const took: number[] = []
  const known = new Set<string>()
  let since: number | undefined

  return {
    take(entry: JournalEntry) {
      if (entry.kind !== 'state' || entry.state.service !== service) return
      const { state } = entry
      since ??= state.atMs
      for (const { id, stagedMs } of groupTasks(state).ready) {
        if (known.has(id)) continue
        known.add(id)
        // When one became ready that was there before, nobody saw.
        if (stagedMs !== undefined && stagedMs >= since) took.push(state.atMs - stagedMs)
      }
    },
    /** ms; undefined where none was seen. */
    median: () => took.toSorted((a, b) => a - b)[Math.floor(took.length / 2)],
    count: () => took.length,
  }
}
