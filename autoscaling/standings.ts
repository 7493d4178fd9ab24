import type { Bus, BusRecord, ProducedRecord } from '../pipeline/bus/bus.ts'
import { pause } from '../pipeline/clock.ts'
import type { ScalingStatus } from '../pipeline/decision.ts'
import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import { encode, erase, statusPrefix } from './records.ts'

/** How services stand, as the autoscaler of perhaps another process has written it to the topic `scaling`. */
export function viewScaling(latest: ReadonlyMap<string, BusRecord>): ScalingStatus[] {
  const statuses: ScalingStatus[] = []
  for (const [key, { value }] of latest) {
    if (!key.startsWith(statusPrefix)) continue
    const status = parsed(value)
    if (status?.service === key.slice(statusPrefix.length)) statuses.push(status)
  }
  return statuses.toSorted((a, b) => (a.service < b.service ? -1 : 1))
}

/** Undefined for what another version has written. */
function parsed(value: Uint8Array): ScalingStatus | undefined {
  try {
    return JSON.parse(Buffer.from(value).toString('utf8')) as ScalingStatus
  } catch {
    return undefined
  }
}

export interface StandingsOptions {
  bus: Bus
  current: () => readonly ScalingStatus[]
  /** ms */
  everyMs: number
  log: Logger
}

/** Writes what has changed of how services stand, so that every process can show it. */
export function tellStandings({ bus, current, everyMs, log }: StandingsOptions) {
  const stop = new AbortController()
  /** By key: an earlier process may have told of services that have no policy any more. */
  const told = new Map<string, string>()

  function changed(): ProducedRecord[] {
    const gone = new Set(told.keys())
    const records: ProducedRecord[] = []
    for (const status of current()) {
      const key = statusPrefix + status.service
      gone.delete(key)
      const text = JSON.stringify(status)
      if (told.get(key) !== text) records.push(encode(key, status))
    }
    return [...records, ...[...gone].map(erase)]
  }

  async function tell(): Promise<void> {
    const { latest } = await bus.snapshot('scaling')
    for (const key of latest.keys()) if (key.startsWith(statusPrefix)) told.set(key, '')
    while (!stop.signal.aborted) {
      await pause(everyMs, stop.signal)
      if (!stop.signal.aborted) await tellOnce()
    }
  }

  async function tellOnce(): Promise<void> {
    const records = changed()
    if (records.length === 0) return
    try {
      await bus.produce('scaling', records)
      for (const { key, value } of records) {
        if (value.length === 0) told.delete(key)
        else told.set(key, Buffer.from(value).toString('utf8'))
      }
    } catch (error) {
      log.debug(
        { error: explain(error) },
        'how services stand could not be told; it is tried again',
      )
    }
  }

  const telling = tell().catch((error: unknown) => {
    log.warn({ error: explain(error) }, 'how services stand is not told to other processes')
  })
  return {
    async close() {
      stop.abort()
      await telling
    },
  }
}
