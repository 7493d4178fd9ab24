import type { LogDoc } from '../event.ts'
import { parsePattern, parseQuery, type Query } from '../query.ts'
import { scanLines } from '../record.ts'
import { checkedLevels, checkNumbers, openTimeLimit } from './limits.ts'
import { isoFrom, isoTo } from './range.ts'
import { readBody, type Day } from './sqlite-days.ts'
import type { LogQuery } from './store.ts'

/** How a query is answered: columns choose blocks, then lines are looked at. */
export interface Plan {
  /** SQL condition on blocks, and its parameters. */
  where: string
  params: (string | number)[]
  /** ISO bounds, half open. */
  from: string
  to: string
  levels: Set<string> | undefined
  /** The document, if the line is wanted; undefined where service, level and time are all that is asked. */
  accept: ((line: string) => LogDoc | undefined) | undefined
  /** Throws Trouble once the question has taken too long: others wait behind it. */
  checkTime: () => void
}

/** Throws Trouble where the query cannot be answered. */
export function plan(query: LogQuery): Plan {
  checkNumbers(query)
  const parsed = parseQuery(query.query ?? '')
  const [from, to] = [isoFrom(query.from), isoTo(query.to)]
  const asked = both(checkedLevels(query.levels), parsed.levels)
  const { where, params } = conditions([
    query.services && [`service IN (${query.services.map(() => '?').join()})`, ...query.services],
    query.without && [`service NOT IN (${query.without.map(() => '?').join()})`, ...query.without],
    query.task !== undefined && ['instr(task, ?) > 0', query.task],
    query.from !== undefined && ['t_max >= ?', from],
    query.to !== undefined && ['t_min < ?', to],
    asked && [asked.length === 0 ? '0' : `(${asked.join(' + ')}) > 0`],
    parsed.words.length > 0 && [
      'id IN (SELECT rowid FROM words WHERE words MATCH ?)',
      parsed.words.map((word) => `"${word}"`).join(' AND '),
    ],
  ])
  return {
    where,
    params,
    from,
    to,
    levels: asked && new Set(asked),
    accept: lineTest(parsed, query.grep),
    checkTime: openTimeLimit(),
  }
}

function lineTest(
  { onlyLevel, mayMatch, matches }: Query,
  grep: string | undefined,
): Plan['accept'] {
  if (onlyLevel && !grep) return undefined
  const pattern = grep ? parsePattern(grep) : undefined
  const literal = grep && /^[\w ]+$/.test(grep) ? grep : undefined
  return (line) => {
    if (!mayMatch(line) || !mayHold(line, literal)) return undefined
    const doc = readLine(line)
    return matches(doc) && (!pattern || pattern.test(doc.message)) ? doc : undefined
  }
}

/** False only where the message cannot hold it; escaped letters are left to the real test. */
function mayHold(line: string, literal: string | undefined): boolean {
  return literal === undefined || line.includes(literal) || line.includes('\\u')
}

/** A line that is no document (never written by a collector) is shown as it is, rather than failing the search. */
export function readLine(line: string): LogDoc {
  try {
    return JSON.parse(line) as LogDoc
  } catch {
    const [scanned] = scanLines(`${line}\n`)
    return {
      '@timestamp': scanned?.time ?? '',
      'log.level': 'unknown',
      'event.id': '',
      'event.sequence': 0,
      'log.iostream': 'stdout',
      message: line,
      tags: ['damaged'],
    }
  }
}

type Condition = [sql: string, ...params: (string | number)[]]

export function conditions(all: (Condition | false | undefined)[]) {
  const asked = all.filter((condition) => condition !== false && condition !== undefined)
  return {
    where: asked.map(([sql]) => sql).join(' AND ') || '1',
    params: asked.flatMap(([, ...params]) => params),
  }
}

function both<Item>(a: Item[] | undefined, b: Item[] | undefined): Item[] | undefined {
  return a && b ? a.filter((item) => b.includes(item)) : (a ?? b)
}

/** The place of a line in the order of all lines: time, then source, then sequence; last its id, over lineages. */
export interface Key {
  time: string
  source: string
  sequence: number
  id?: string
}

export interface Hit extends Key {
  line: string
  /** Made when it is needed. */
  doc?: LogDoc
}

export function docOf(hit: Hit): LogDoc {
  return (hit.doc ??= readLine(hit.line))
}

function idOf(key: Key | Hit): string {
  return (key.id ??= 'line' in key ? docOf(key)['event.id'] : '')
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function compare(a: Key, b: Key): number {
  return (
    compareText(a.time, b.time) ||
    compareText(a.source, b.source) ||
    a.sequence - b.sequence ||
    compareText(idOf(a), idOf(b))
  )
}

export interface Block {
  id: number
  source: string
  /** The sequence of its first line; the others follow without a gap. */
  first: number
}

/** The lines of a block that the plan wants. */
export function* linesOf(
  day: Day,
  { id, source, first }: Block,
  { from, to, levels: wanted, accept, checkTime }: Plan,
): Generator<Hit> {
  checkTime()
  let sequence = first - 1
  for (const { line, time, level } of scanLines(readBody(day, id))) {
    sequence++
    if (time < from || time >= to || (wanted && !wanted.has(level))) continue
    const doc = accept?.(line)
    if (accept && !doc) continue
    yield doc ? { time, source, sequence, line, doc } : { time, source, sequence, line }
  }
}
