import type { Collected, Sink } from '../../collectors/sink.ts'
import type { ChangeDoc, SampleDoc } from '../../pipeline/event.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { decodeSamples } from '../../pipeline/sample.ts'

/** A sink in memory, for collectors that ask APIs; give its positions to the next one, and that goes on. */
export interface CollectedSink extends Sink {
  samples: SampleDoc[]
  changes: ChangeDoc[]
  tasks: Identity[]
  stored: Map<string, unknown>
  appends: number
}

export function openCollectedSink(stored = new Map<string, unknown>()): CollectedSink {
  const sink: CollectedSink = {
    samples: [],
    changes: [],
    tasks: [],
    stored,
    appends: 0,
    async append(batch) {
      await new Promise((resolve) => setImmediate(resolve))
      put(sink, batch)
    },
    position: (input) => stored.get(input),
    positions: (prefix) => [...stored.keys()].filter((key) => key.startsWith(prefix)),
  }
  return sink
}

function put(sink: CollectedSink, batch: Collected): void {
  sink.appends++
  for (const record of batch.samples ?? []) {
    sink.samples.push(...decodeSamples({ body: new Uint8Array(record.body) }))
  }
  // Through JSON, as on disk.
  sink.changes.push(...(JSON.parse(JSON.stringify(batch.changes ?? [])) as ChangeDoc[]))
  sink.tasks.push(...(JSON.parse(JSON.stringify(batch.tasks ?? [])) as Identity[]))
  for (const [key, position] of Object.entries(batch.positions ?? {})) {
    if (position === null) sink.stored.delete(key)
    else sink.stored.set(key, JSON.parse(JSON.stringify(position)))
  }
}
