import { parseQuery } from '../query.ts'
import { checkNumbers, defaultLimit, openTimeLimit } from './limits.ts'
import { isoFrom, isoTo } from './range.ts'
import type { Days } from './sqlite-days.ts'
import { conditions } from './sqlite-plan.ts'
import type { DocClass, DocQuery, StoredDoc } from './store.ts'

export function docs(days: Days, docClass: DocClass, query: DocQuery): StoredDoc[] {
  checkNumbers(query)
  const { limit = defaultLimit } = query
  const { where, params } = plan(docClass, query)
  const accept = docTest(query.query)
  const found: StoredDoc[] = []
  for (const { db } of days.in(query, 'desc')) {
    const rows = db.prepare(`SELECT doc FROM docs WHERE ${where} ORDER BY time DESC, id`)
    for (const { doc: json } of rows.iterate(...params)) {
      if (found.length >= limit) return found
      const doc = accept(json as string)
      if (doc) found.push(doc)
    }
  }
  return found
}

function plan(docClass: DocClass, { from, to, services, kind, kinds, task }: DocQuery) {
  return conditions([
    ['class = ?', docClass],
    from !== undefined && ['time >= ?', isoFrom(from)],
    to !== undefined && ['time < ?', isoTo(to)],
    services && [`service IN (${services.map(() => '?').join()})`, ...services],
    kind !== undefined && ['kind = ?', kind],
    kinds && [`kind IN (${kinds.map(() => '?').join()})`, ...kinds],
    task !== undefined && [`json_extract(doc, '$."mesos.task.id"') = ?`, task],
  ])
}

/** Returns the document of a row, if it is wanted. */
function docTest(query = ''): (json: string) => StoredDoc | undefined {
  const { mayMatch, matches } = parseQuery(query)
  const checkTime = openTimeLimit()
  return (json) => {
    checkTime()
    if (!mayMatch(json)) return undefined
    const doc = JSON.parse(json) as StoredDoc
    return matches(doc) ? doc : undefined
  }
}
