import { msToIso, type SampleDoc } from '../event.ts'
import { identityToEcs, type Identity } from '../identity.ts'
import { checkNumbers, defaultLimit } from './limits.ts'
import { inSnapshot, type Days } from './sqlite-days.ts'
import { conditions } from './sqlite-plan.ts'
import { hasTable } from './sqlite-schema.ts'
import type { SampleQuery } from './store.ts'

/*
 * A sample is a row of small numbers: what repeats in all samples of a task (its id but for the sequence, its identity,
 * the names of its metrics) stands once a day in tables of its own. A container's sample of ten metrics takes 190 bytes so,
 * both indexes included, instead of the 950 of its JSON.
 */

/** The part of an event id that all samples of one source share; `plain` if the sequence is all that it lacks. */
export function splitId(doc: SampleDoc): { origin: string; plain: boolean } {
  const id = doc['event.id']
  const ending = `:${doc['event.sequence']}`
  const plain = id.endsWith(ending)
  return { origin: plain ? id.slice(0, -ending.length) : id, plain }
}

export function samples(days: Days, query: SampleQuery): SampleDoc[] {
  checkNumbers(query)
  const { limit = defaultLimit } = query
  const order = query.order === 'asc' ? 'asc' : 'desc'
  const { where, params } = plan(query)
  const sql = `SELECT time, ns, sequence, name, json, names, vals, rest FROM samples
     JOIN origins ON origins.id = origin JOIN identities ON identities.id = identity
     JOIN shapes ON shapes.id = shape
     WHERE ${where} ORDER BY time ${order}, ns ${order}, name, sequence LIMIT ?`
  const found: SampleDoc[] = []
  for (const { db } of days.in(query, order)) {
    if (found.length >= limit) break
    const rows = inSnapshot(db, () =>
      hasTable(db, 'samples') ? db.prepare(sql).all(...params, limit - found.length) : [],
    )
    for (const row of rows) found.push(toDoc(row))
  }
  return found
}

function plan({ from, to, services, task, metric }: SampleQuery) {
  return conditions([
    from !== undefined && ['time >= ?', Math.trunc(from)],
    to !== undefined && ['time < ?', Math.trunc(to)],
    services && [
      `identity IN (SELECT id FROM identities WHERE json_extract(json, '$.service') IN (${services.map(() => '?').join()}))`,
      ...services,
    ],
    task !== undefined && [
      "identity IN (SELECT id FROM identities WHERE json_extract(json, '$.task') = ?)",
      task,
    ],
    metric !== undefined && [
      'shape IN (SELECT shapes.id FROM shapes, json_each(names) WHERE value = ?)',
      metric,
    ],
  ])
}

function toDoc(row: Record<string, unknown>): SampleDoc {
  const names = JSON.parse(row['names'] as string) as string[]
  const values = JSON.parse(row['vals'] as string) as number[]
  const sequence = row['sequence'] as number
  const ns = String(row['ns']).padStart(6, '0')
  return {
    '@timestamp': `${msToIso(row['time'] as number).slice(0, 23)}${ns}Z`,
    'event.id': `${row['name'] as string}:${sequence}`,
    'event.sequence': sequence,
    metrics: Object.fromEntries(names.map((name, i) => [name, values[i] as number])),
    ...(row['rest'] === null ? {} : (JSON.parse(row['rest'] as string) as object)),
    ...identityToEcs(JSON.parse(row['json'] as string) as Identity),
  }
}
