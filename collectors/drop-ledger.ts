import { msToIso, type ChangeDoc } from '../pipeline/event.ts'

/** Lines that were left out on purpose, from the earliest to the latest of them. */
export interface Drop {
  service: string
  count: number
  time: [from: string, to: string]
}

interface Window extends Drop {
  atMs: number
  why: string
}

/** Drops of so long a time are one document, told again with what it has become. */
const windowMs = 10_000
/** A service that drops nothing for so long is forgotten. */
const forgetMs = 60_000

/** Counts what is dropped, by service and window; `action` stands in the change events. */
export function openDropLedger(action: string, openedMs: number) {
  const windows = new Map<string, Window>()
  const touched = new Set<string>()

  function forget(nowMs: number): void {
    for (const [service, { atMs }] of windows) {
      if (!touched.has(service) && nowMs - atMs > forgetMs) windows.delete(service)
    }
  }

  return {
    add({ service, count, time: [from, to] }: Drop, why: string, nowMs: number): void {
      const atMs = Math.floor(nowMs / windowMs) * windowMs
      const known = windows.get(service)
      touched.add(service)
      if (known?.atMs !== atMs) {
        windows.set(service, { service, count, time: [from, to], atMs, why })
        return
      }
      known.why = why
      known.count += count
      if (from < known.time[0]) known.time[0] = from
      if (to > known.time[1]) known.time[1] = to
    },
    /** Of the services that dropped something since the last call. */
    take(nowMs: number): ChangeDoc[] {
      const changes = [...touched].flatMap((service) => {
        const window = windows.get(service)
        return window ? changeOf(action, window, openedMs) : []
      })
      touched.clear()
      forget(nowMs)
      return changes
    },
  }
}

function changeOf(action: string, window: Window, openedMs: number): ChangeDoc {
  const { service, count, time, atMs, why } = window
  return {
    '@timestamp': msToIso(atMs),
    'event.id': `change:${action}:${service}:${openedMs}:${atMs}`,
    'event.kind': 'drop',
    'event.action': action,
    message: `${action} ${count} lines of ${service}, from ${time[0]} to ${time[1]}: ${why}`,
    'gap.last_read': time[0],
    'gap.first_available': time[1],
    'gap.lines': count,
    'service.name': service,
  }
}
