import type { Bus, ProducedRecord, Topic } from '../pipeline/bus/bus.ts'
import type { Clock } from '../pipeline/clock.ts'
import { recordOf } from '../pipeline/dead-letter.ts'
import { msToIso, type DeadLetter } from '../pipeline/event.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { tellDead } from './dead.ts'

export interface Redriven {
  /** Ids of the letters whose records are on the bus again. */
  sent: string[]
  impossible: { id: string; reason: string }[]
}

/** Gives the originals of dead letters back to the bus. */
export type Redrive = (letters: readonly DeadLetter[], by: string) => Promise<Redriven>

/**
 * To do it twice does no harm: events are known by their ids. A letter is marked before its record is given back, since a
 * record that is refused again writes the letter anew, without the mark. Rejects where the bus takes nothing; the letters are
 * as before then.
 */
export function openRedrive({
  bus,
  clock,
  metrics,
}: {
  bus: Pick<Bus, 'produce'>
  clock: Clock
  metrics: Metrics
}): Redrive {
  return async (letters, by) => {
    const redriven: Redriven = { sent: [], impossible: [] }
    const possible: DeadLetter[] = []
    const records = new Map<Topic, ProducedRecord[]>()
    for (const letter of letters) {
      const found = recordOf(letter)
      if ('reason' in found) {
        redriven.impossible.push({ id: letter['event.id'], reason: found.reason })
        continue
      }
      possible.push(letter)
      records.set(found.topic, [...(records.get(found.topic) ?? []), found.record])
    }
    const mark = { at: msToIso(clock.now()), by }
    await tellDead(
      bus,
      possible.map((letter) => ({ ...letter, redriven: mark })),
    )
    try {
      for (const [topic, given] of records) {
        await bus.produce(topic, given)
        metrics.redriven_total.inc({ topic }, given.length)
      }
    } catch (error) {
      await tellDead(bus, possible).catch(() => {})
      throw error
    }
    redriven.sent = possible.map((letter) => letter['event.id'])
    return redriven
  }
}
