import type { Identity } from '../pipeline/identity.ts'
import { isWatermark, readBuckets, type SignalRecord } from '../pipeline/signal-records.ts'

/** Signals that services are scaled on are kept per service: without those of others it goes many times faster. */
export function ownBuckets(record: SignalRecord, service: string): SignalRecord {
  if (isWatermark(record)) return record
  try {
    const own = readBuckets(record.value).filter(({ group }) => isOf(group, service))
    return { ...record, value: Buffer.from(JSON.stringify(own)) }
  } catch {
    // What is no bucket the grid leaves out.
    return record
  }
}

export const isOf = ({ service }: Identity, wanted: string) =>
  service === undefined || service === wanted
