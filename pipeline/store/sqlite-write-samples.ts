import stringify from 'fast-json-stable-stringify'
import { isoToMs, type SampleDoc } from '../event.ts'
import { identityFields, identityFromEcs } from '../identity.ts'
import { splitId } from './sqlite-samples.ts'
import type { WriteDay } from './sqlite-write-day.ts'

const own = new Set<string>(['@timestamp', 'event.id', 'event.sequence', 'metrics'])
const identityNames = new Set<string>(Object.values(identityFields))

/** Sound samples of one day, inside a transaction of the caller's; those that are there already are left alone. */
export function insertSamples(day: WriteDay, samples: readonly SampleDoc[]): void {
  for (const doc of samples) {
    const { origin, plain } = splitId(doc)
    day.insertSample.run(
      day.origins.idOf(origin),
      doc['event.sequence'],
      isoToMs(doc['@timestamp']),
      Number(doc['@timestamp'].slice(23, 29)),
      day.identities.idOf(stringify(identityFromEcs(doc))),
      day.shapes.idOf(JSON.stringify(Object.keys(doc.metrics))),
      JSON.stringify(Object.values(doc.metrics)),
      restOf(doc, plain),
    )
  }
}

/** What has no column of its own, also an id that does not tell its sequence; null if nothing has. */
function restOf(doc: SampleDoc, plain: boolean): string | null {
  const rest: Record<string, unknown> = plain ? {} : { 'event.id': doc['event.id'] }
  let some = !plain
  for (const name of Object.keys(doc)) {
    if (own.has(name) || identityNames.has(name)) continue
    rest[name] = doc[name]
    some = true
  }
  return some ? JSON.stringify(rest) : null
}
