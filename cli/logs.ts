import { isoToMs, type LogDoc } from '../pipeline/event.ts'
import type { LogQuery } from '../pipeline/store/store.ts'
import { openApi } from './api.ts'
import { levelList, pattern, query as queryText, wholeNumber } from './arguments.ts'
import { completeness } from './completeness.ts'
import { addDataOptions, dataOf, remoteOf, withSource, type DataOptions } from './data-option.ts'
import { follow, pages } from './follow.ts'
import { formatLine, type LineStyle } from './format.ts'
import { parseMoment } from './moment.ts'
import type { AddCommand, CommandContext } from './parts.ts'
import { misuse, nothing } from './report.ts'
import { readAddress, searchApi, type Source } from './source.ts'

interface LogsOptions extends DataOptions {
  lines?: number
  follow?: boolean
  since?: number
  until?: number
  grep?: string
  level?: LogQuery['levels']
  task?: string
  query?: string
  json?: boolean
  utc?: boolean
}

const defaultLines = 20

export const addLogs: AddCommand = (program, context) => {
  const moment = (text: string) => parseMoment(text, context.io.clock.now())
  const command = program
    .command('logs')
    .description('the lines of all instances of a service in true order, oldest first')
    .argument('<service>', 'its id, or a unique ending of it: web for /shop/web')
    .option(
      '-n, --lines <count>',
      `the newest so many; ${defaultLines} without --since`,
      wholeNumber(1, 1e9),
    )
    .option('-f, --follow', 'go on with new lines as they come')
    .option(
      '--since <time>',
      'from then on: 15m (ago), 2026-11-22T18:25:51Z, "2026-11-22 18:25"',
      moment,
    )
    .option('--until <time>', 'up to then', moment)
    .option('--grep <pattern>', 'messages that contain this (RE2)', pattern)
    .option('--level <levels>', 'of these levels: error,warn', levelList)
    .option('--task <id>', 'of one task')
    .option('--query <query>', 'that match a query: status:>=500 AND NOT path:"/health"', queryText)
    .option('--json', 'whole events, one JSON object a line')
    .option('--utc', 'times in UTC')
  addDataOptions(command).action(async (service: string, options: LogsOptions) => {
    if (options.follow && options.until !== undefined) {
      throw misuse('--follow has no end, --until sets one', 'leave one of them out')
    }
    const query = queryOf(service, options)
    const style = {
      colors: context.io.colors,
      utc: options.utc ?? false,
      json: options.json ?? false,
    }
    if (options.follow) await followLogs(query, options, style, context)
    else
      await withSource(options, context, (source) =>
        printLogs(source, query, options, style, context),
      )
  })
}

function queryOf(service: string, options: LogsOptions): LogQuery {
  const { since, until, grep, level, task, query } = options
  if (since !== undefined && until !== undefined && since >= until) {
    throw misuse('--since is not before --until', 'exchange them')
  }
  return {
    services: [service],
    ...(since !== undefined && { from: since }),
    ...(until !== undefined && { to: until }),
    ...(level && { levels: level }),
    ...(task !== undefined && { task }),
    ...(query !== undefined && { query }),
    ...(grep !== undefined && { grep }),
  }
}

/** How many of the newest lines to print; undefined: all of the time asked for. */
function countOf({ lines, since }: LogsOptions): number | undefined {
  return lines ?? (since === undefined ? defaultLines : undefined)
}

async function printLogs(
  source: Source,
  query: LogQuery,
  options: LogsOptions,
  style: LineStyle,
  { io }: CommandContext,
): Promise<void> {
  const count = countOf(options)
  let printed = 0
  let firstTime: string | undefined
  const print = (docs: LogDoc[]) => {
    printed += docs.length
    firstTime ??= docs[0]?.['@timestamp']
    io.out(docs.map((doc) => formatLine(doc, style)).join(''))
  }
  if (count !== undefined) print(await newest(source.search, query, count))
  else for await (const page of pages(source.search, { ...query, order: 'asc' })) print(page)
  const from = query.from ?? (firstTime === undefined ? undefined : isoToMs(firstTime))
  const { services, to } = query
  const losses = await source.losses({
    ...(services && { services }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  })
  const more = losses.complete ? '' : `; mesoscope gaps ${services?.join(' ')} tells which`
  io.err(`${completeness(losses)}${more}\n`)
  if (printed === 0) throw nothing('no line matches', 'widen --since, --level, --grep or --query')
}

/** The newest `count` lines, oldest first. */
async function newest(search: Source['search'], query: LogQuery, count: number): Promise<LogDoc[]> {
  const docs: LogDoc[] = []
  for await (const page of pages(search, {
    ...query,
    order: 'desc',
    limit: Math.min(count, 1000),
  })) {
    docs.push(...page)
    if (docs.length >= count) break
  }
  return docs.slice(0, count).toReversed()
}

async function followLogs(
  query: LogQuery,
  options: LogsOptions,
  style: LineStyle,
  context: CommandContext,
): Promise<void> {
  const { io } = context
  const remote = remoteOf(options, context)
  const data = remote ? '' : dataOf(options, context)
  const stop = new AbortController()
  const off = io.onStop(() => stop.abort())
  const { from, ...filter } = query
  try {
    await follow({
      findApi: () => {
        const address = remote ?? readAddress(data)
        return address && openApi(address)
      },
      query: filter,
      firstLines: async (api) => {
        const search: Source['search'] = (q) => searchApi(api, q)
        const range = { ...filter, ...(from !== undefined && { from }) }
        return newest(search, range, countOf(options) ?? Infinity)
      },
      print: (doc) => io.out(formatLine(doc, style)),
      io,
      signal: stop.signal,
    })
  } finally {
    off()
  }
}
