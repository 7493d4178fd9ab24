import { unresolvedService } from '../identity.ts'
import type { LogDoc } from '../event.ts'
import { parsePattern, parseQuery } from '../query.ts'
import { translate, translateGrep } from './elasticsearch-query.ts'
import { anyOf, not, servicesFilter, timeFilter, type Dsl } from './elasticsearch-scan.ts'
import { checkedLevels, checkNumbers } from './limits.ts'
import type { LogQuery } from './store.ts'

/** How a query is answered: Elasticsearch chooses, and where it cannot tell exactly each line is looked at. */
export interface Plan {
  filter: Dsl[]
  /** Undefined where all that is found is wanted. */
  accept: ((doc: LogDoc) => boolean) | undefined
}

/** Throws Trouble where the query cannot be answered. */
export function plan(query: LogQuery): Plan {
  checkNumbers(query)
  const { services, without, task, grep } = query
  const parsed = parseQuery(query.query ?? '')
  const { dsl, exact } = translate(query.query ?? '')
  const levels = checkedLevels(query.levels)
  const pattern = grep ? parsePattern(grep) : undefined
  const filter = [
    timeFilter(query),
    services && servicesFilter(services, unresolvedService),
    without && not(anyOf('service.name', without)),
    levels && anyOf('log.level', levels),
    task ? { wildcard: { 'mesos.task.id': { value: `*${escaped(task)}*` } } } : undefined,
    dsl,
    grep ? translateGrep(grep) : undefined,
  ].filter((part) => part !== undefined)
  if (exact && !pattern) return { filter, accept: undefined }
  return {
    filter,
    accept: (doc) => (exact || parsed.matches(doc)) && (!pattern || pattern.test(doc.message)),
  }
}

const escaped = (text: string) => text.replaceAll(/[\\*?]/g, '\\$&')
