import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/*
 * What the program is held against, in the same run on the same data: a floor that stores nothing, and the plain way
 * to do the work on the same database, a row and a full-text entry a line.
 */

export interface Baseline {
  lines: number
  seconds: number
  cpuSeconds: number
}

/** Every line through JSON.parse and JSON.stringify, as most shippers do it; nothing is kept. */
export function parseOnly(root: string): Baseline {
  return measure(() => {
    let kept = 0
    const lines = eachLine(root, (line) => {
      kept += JSON.stringify(JSON.parse(line)).length
    })
    if (kept === 0) throw new Error('no data')
    return lines
  })
}

/** A row and a full-text entry a line; one transaction a thousand lines; written to the disk like ours. */
export function rowPerLine(root: string, dir: string): Baseline {
  const db = new DatabaseSync(join(dir, 'rows.db'))
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE lines (id INTEGER PRIMARY KEY, time TEXT, container TEXT, stream TEXT, message TEXT);
    CREATE INDEX by_container ON lines (container, time);
    CREATE VIRTUAL TABLE words USING fts5(message, content='lines', content_rowid='id', detail=none);`)
  const insert = db.prepare('INSERT INTO lines VALUES (?, ?, ?, ?, ?)')
  const index = db.prepare('INSERT INTO words (rowid, message) VALUES (?, ?)')
  let id = 0
  try {
    return measure(() => {
      db.exec('BEGIN')
      const lines = eachLine(root, (line, container) => {
        const { log, stream, time } = JSON.parse(line) as Record<'log' | 'stream' | 'time', string>
        insert.run(++id, time, container, stream, log)
        index.run(id, log)
        if (id % 1000 === 0) db.exec('COMMIT; BEGIN')
      })
      db.exec('COMMIT')
      return lines
    })
  } finally {
    db.close()
  }
}

function eachLine(root: string, take: (line: string, container: string) => void): number {
  let lines = 0
  for (const container of readdirSync(root)) {
    const text = readFileSync(join(root, container, `${container}-json.log`), 'utf8')
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      take(text.slice(start, end), container)
      start = end + 1
      lines++
    }
  }
  return lines
}

function measure(work: () => number): Baseline {
  const cpu = process.cpuUsage()
  const begun = performance.now()
  const lines = work()
  const { user, system } = process.cpuUsage(cpu)
  return { lines, seconds: (performance.now() - begun) / 1000, cpuSeconds: (user + system) / 1e6 }
}
