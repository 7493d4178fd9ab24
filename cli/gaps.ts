import type { Lag } from '../pipeline/health.ts'
import { isoToMs, type LogDoc } from '../pipeline/event.ts'
import type { SequenceGap } from '../pipeline/store/store.ts'
import { completeness } from './completeness.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { harmless, harmlessJson } from './harmless.ts'
import { formatMoment, parseMoment } from './moment.ts'
import type { AddCommand } from './parts.ts'
import { table } from './table.ts'

interface GapsOptions extends DataOptions {
  since?: number
  until?: number
  json?: boolean
  utc?: boolean
}

export const addGaps: AddCommand = (program, context) => {
  const { io } = context
  const command = program
    .command('gaps')
    .description(
      'the loss audit: lines that are not in the store: gone before they were read, dropped, or missing in a sequence',
    )
    .argument('[service]', 'its id, or a unique ending of it; all services where absent')
    .option('--since <time>', 'from then on: 15m (ago), 2026-11-22T18:25:51Z', (text) =>
      parseMoment(text, io.clock.now()),
    )
    .option('--until <time>', 'up to then', (text) => parseMoment(text, io.clock.now()))
    .option('--json', 'as JSON')
    .option('--utc', 'times in UTC')
  addDataOptions(command).action(async (service: string | undefined, options: GapsOptions) => {
    const { since, until } = options
    const scope = {
      ...(since === undefined ? {} : { from: since }),
      ...(until === undefined ? {} : { to: until }),
      ...(service === undefined ? {} : { services: [service] }),
    }
    const losses = await withSource(options, context, (source) => source.losses(scope))
    if (options.json) return io.out(`${harmlessJson(losses)}\n`)
    io.out(`${completeness(losses)}\n`)
    for (const { message } of losses.told) io.out(`${harmless(message)}\n`)
    for (const lag of losses.lags ?? []) io.out(`${harmless(lagOf(lag))}\n`)
    if (losses.gaps.length === 0) return undefined
    const rows = losses.gaps.map((gap) => row(gap, options.utc ?? false))
    io.out(table(['SERVICE', 'SOURCE', 'LINES', 'FIRST', 'LAST', 'AFTER', 'BEFORE'], rows))
  })
}

function lagOf({ service, input, seconds, trouble }: Lag): string {
  const why = trouble === undefined ? '' : `: ${trouble}`
  return `${service} is ${seconds} s behind at ${input}${why}`
}

function row({ service, source, missing: [first, last], between }: SequenceGap, utc: boolean) {
  const [after, before] = between.map((time: LogDoc['@timestamp']) =>
    formatMoment(isoToMs(time), utc),
  )
  return [service, source, last - first + 1, first, last, after ?? '-', before ?? '-']
}
