import type { MarathonEvent } from './events.ts'

/** How many of a hundred events do not arrive, arrive twice, or arrive after the next one. */
export interface EventFaults {
  dropPercent: number
  doublePercent: number
  reorderPercent: number
}

export const noEventFaults: EventFaults = { dropPercent: 0, doublePercent: 0, reorderPercent: 0 }

export interface EventBus {
  publish(event: MarathonEvent): void
  /** Returns what ends it. */
  subscribe(listener: (event: MarathonEvent) => void): () => void
  misdeliver(faults: Partial<EventFaults>): void
  faults(): EventFaults
}

/**
 * Delivers at once and in order, unless told to be as unreliable as a cluster's event stream can be: faults strike all
 * subscribers alike. `random` gives numbers in [0, 1).
 */
export function openEventBus(random: () => number): EventBus {
  const listeners = new Set<(event: MarathonEvent) => void>()
  let faults = noEventFaults
  let held: MarathonEvent | undefined

  function deliver(event: MarathonEvent): void {
    for (const listener of listeners) listener(event)
    if (happens(faults.doublePercent)) for (const listener of listeners) listener(event)
  }

  function happens(percent: number): boolean {
    return percent > 0 && random() * 100 < percent
  }

  function publish(event: MarathonEvent): void {
    if (happens(faults.dropPercent)) return
    if (held === undefined && happens(faults.reorderPercent)) {
      held = event
      return
    }
    deliver(event)
    release()
  }

  function release(): void {
    if (held === undefined) return
    const late = held
    held = undefined
    deliver(late)
  }

  return {
    publish,
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    misdeliver(changed) {
      faults = { ...faults, ...changed }
      if (faults.reorderPercent === 0) release()
    },
    faults: () => faults,
  }
}
