import type { SampleDoc } from '../pipeline/event.ts'
import { decodeSampleLines, sampleFault, type SampleRecord } from '../pipeline/sample.ts'

export interface ReadSamples {
  /** With the sequence by which each is counted once: that of its place in the record. */
  sound: { sequence: number; doc: SampleDoc }[]
  /** Lines that are no sample, with the reason. */
  faults: { sequence: number; line: string; reason: string }[]
}

/** Throws TypeError, or the error of zstd, where the record as a whole cannot be what a collector wrote. */
export function readSamples(record: SampleRecord): ReadSamples {
  const lines = decodeSampleLines(record)
  const { count, sequence } = record.head
  if (lines.length !== count) {
    throw new TypeError(`its body holds ${lines.length} samples, not ${count}`)
  }
  const read: ReadSamples = { sound: [], faults: [] }
  for (const [i, line] of lines.entries()) {
    const doc = parse(line)
    const reason = sampleFault(doc)
    const place = { sequence: sequence[0] + i }
    if (reason === undefined) read.sound.push({ ...place, doc: doc as SampleDoc })
    else read.faults.push({ ...place, line, reason })
  }
  return read
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
