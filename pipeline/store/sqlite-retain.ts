import type { Identity } from '../identity.ts'
import { explained, transaction } from '../sqlite.ts'
import { searchText } from './blocks.ts'
import { declaredRetention, eventClasses, type EventClass, type FirstDays } from './retention.ts'
import { hasTable } from './sqlite-schema.ts'
import type { WriteDay } from './sqlite-write-day.ts'

/** What of a day is not kept any longer: retention classes by class of events. */
export type Expired = ReadonlyMap<EventClass, readonly string[]>

/** Of a day. */
export function expiredOf(day: string, firstDays: FirstDays): Expired {
  const retentions = Object.keys(firstDays)
  return new Map(
    eventClasses.flatMap((one) => {
      const gone = retentions.filter((retention) => day < (firstDays[retention]?.[one] ?? ''))
      return gone.length > 0 ? [[one, gone] as const] : []
    }),
  )
}

/**
 * Deletes what is not kept any longer of a day of which other things are, and gives its room back. Returns whether there
 * was anything.
 */
export function thin(day: WriteDay, expired: Expired, firstDays: FirstDays): boolean {
  const declared = new Set(Object.keys(firstDays))
  const isGone = (eventClass: EventClass, asked: unknown) =>
    expired.get(eventClass)?.includes(declaredRetention(asked, declared)) ?? false
  const gone = transaction(day.db, day.file, () => {
    const blocks = deleteBlocks(
      day,
      identitiesWhere(day, (one) => isGone('logs', one)),
    )
    return (
      blocks + deleteSamples(day, isGone) + deleteDocs(day, isGone) + deleteSignals(day, isGone)
    )
  })
  if (gone === 0) return false
  explained(day.file, () => day.db.exec('VACUUM'))
  return true
}

type IsGone = (eventClass: EventClass, asked: unknown) => boolean

/** As a list in JSON. */
function identitiesWhere({ db }: WriteDay, accept: (asked: unknown) => boolean): string {
  const rows = db.prepare(`SELECT id, json_extract(json, '$.retention') AS asked FROM identities`)
  const ids = rows.all().flatMap(({ id, asked }) => (accept(asked) ? [id] : []))
  return JSON.stringify(ids)
}

const ofIdentities = 'identity IN (SELECT value FROM json_each(?))'

function deleteBlocks(day: WriteDay, identities: string): number {
  const { db } = day
  db.prepare(`DELETE FROM bodies WHERE id IN (SELECT id FROM blocks WHERE ${ofIdentities})`).run(
    identities,
  )
  const deleted = Number(
    db.prepare(`DELETE FROM blocks WHERE ${ofIdentities}`).run(identities).changes,
  )
  const [left] = db.prepare('SELECT count(*) AS n FROM blocks').all()
  // Rows of words that point nowhere are left alone where to write all others anew would cost more.
  if (deleted > 0 && deleted >= Number(left?.['n'])) indexAnew(day)
  return deleted
}

function indexAnew({ db, insertWords }: WriteDay): void {
  db.exec(`INSERT INTO words (words) VALUES ('delete-all')`)
  const blocks = db.prepare(
    `SELECT blocks.id, count, bytes, t_min, t_max, json, body FROM blocks
     JOIN identities ON identities.id = identity JOIN bodies ON bodies.id = blocks.id`,
  )
  for (const block of blocks.iterate()) {
    const words = wordsOf(block)
    if (words !== undefined) insertWords.run(block['id'] as number, words)
  }
}

/** Undefined of one that is damaged. */
function wordsOf({ count, bytes, t_min, t_max, json, body }: Record<string, unknown>) {
  const head = {
    count: count as number,
    bytes: bytes as number,
    time: [t_min, t_max] as [string, string],
    identity: JSON.parse(json as string) as Identity,
  }
  try {
    return searchText({ head, body: body as Uint8Array })
  } catch {
    return undefined
  }
}

function deleteSamples(day: WriteDay, isGone: IsGone): number {
  if (!hasTable(day.db, 'samples')) return 0
  const identities = identitiesWhere(day, (asked) => isGone('metrics', asked))
  const deleted = day.db.prepare(`DELETE FROM samples WHERE ${ofIdentities}`).run(identities)
  return Number(deleted.changes)
}

function deleteDocs({ db }: WriteDay, isGone: IsGone): number {
  const kinds = db.prepare(
    `SELECT DISTINCT class, json_extract(doc, '$."mesoscope.retention"') AS asked FROM docs`,
  )
  const remove = db.prepare(
    `DELETE FROM docs WHERE class = ? AND json_extract(doc, '$."mesoscope.retention"') IS ?`,
  )
  let deleted = 0
  for (const { class: docClass, asked } of kinds.all()) {
    if (!isGone(docClass as EventClass, asked)) continue
    deleted += Number(remove.run(docClass as string, asked as string | null).changes)
  }
  return deleted
}

function deleteSignals({ db }: WriteDay, isGone: IsGone): number {
  if (!isGone('signals', undefined) || !hasTable(db, 'points')) return 0
  const { changes } = db.prepare('DELETE FROM points').run()
  db.exec('DELETE FROM distributions')
  return Number(changes)
}
