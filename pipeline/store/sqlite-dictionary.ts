import type { DatabaseSync } from 'node:sqlite'

/** A table that gives long texts, which repeat in many rows, a small number. */
export interface Dictionary {
  /** Of this text; made if there is none yet. One value a column. */
  idOf(...texts: string[]): number
  /** After a transaction failed: those that were just made are not there. */
  forget(): void
}

const maxKnown = 10_000

/** `columns` are unique together; the table's key is `id`. */
export function openDictionary(
  db: DatabaseSync,
  table: string,
  columns: readonly string[],
): Dictionary {
  const known = new Map<string, number>()
  const values = columns.map(() => '?').join()
  const insert = db.prepare(`INSERT OR IGNORE INTO ${table} (${columns.join()}) VALUES (${values})`)
  const select = db.prepare(
    `SELECT id FROM ${table} WHERE ${columns.map((column) => `${column} = ?`).join(' AND ')}`,
  )
  return {
    idOf(...texts) {
      const key = texts.length === 1 ? (texts[0] as string) : JSON.stringify(texts)
      const before = known.get(key)
      if (before !== undefined) return before
      insert.run(...texts)
      const id = select.get(...texts)?.['id'] as number
      // Short-lived tasks make many; forgetting them costs a look-up.
      if (known.size >= maxKnown) known.clear()
      known.set(key, id)
      return id
    },
    forget: () => known.clear(),
  }
}
