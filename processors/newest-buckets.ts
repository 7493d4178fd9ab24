import type { SignalBucket } from '../pipeline/event.ts'
import { keyIn, type Partition } from './partition.ts'
import type { Place } from './places.ts'

/** A bucket by its key; undefined until the first event of it comes. */
export interface Slot {
  key: string
  bucket: SignalBucket | undefined
}

interface Newest {
  from: number
  byPlace: Map<Place, Map<string, Slot>>
}

/**
 * Finds the slots of a partition. Nearly all events are for buckets that start at the newest time: these are found by place
 * and signal, without putting together and comparing a long key for each event.
 */
export function openSlots() {
  const newestOf = new WeakMap<Partition, Newest>()

  /** Undefined where later ones have begun. */
  function newestAt(partition: Partition, from: number): Newest | undefined {
    const known = newestOf.get(partition)
    if (known && known.from >= from) return known.from === from ? known : undefined
    const newest: Newest = { from, byPlace: new Map() }
    newestOf.set(partition, newest)
    return newest
  }

  return (partition: Partition, signal: string, from: number, place: Place): Slot => {
    const newest = newestAt(partition, from)
    if (!newest) return slotIn(partition, keyIn(signal, from, place.text))
    let bySignal = newest.byPlace.get(place)
    if (!bySignal) newest.byPlace.set(place, (bySignal = new Map()))
    let slot = bySignal.get(signal)
    if (!slot) bySignal.set(signal, (slot = slotIn(partition, keyIn(signal, from, place.text))))
    return slot
  }
}

function slotIn({ buckets }: Partition, key: string): Slot {
  return { key, bucket: buckets.get(key) }
}
