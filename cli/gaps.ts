import { isoToMs, type LogDoc } from '../pipeline/event.ts'
import type { SequenceGap } from '../pipeline/store/store.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { harmless, harmlessJson } from './harmless.ts'
import { formatMoment, parseMoment } from './moment.ts'
import type { AddCommand } from './parts.ts'
import { table } from './table.ts'

interface GapsOptions extends DataOptions {
  since?: number
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
    .option('--since <time>', 'from then on: 15m (ago), 2026-11-22T18:25:51Z', (text) =>
      parseMoment(text, io.clock.now()),
    )
    .option('--json', 'as JSON')
    .option('--utc', 'times in UTC')
  addDataOptions(command).action(async (options: GapsOptions) => {
    const range = options.since === undefined ? {} : { from: options.since }
    const [gaps, told] = await withSource(options, context, (source) =>
      Promise.all([source.gaps(range), source.losses(range)]),
    )
    if (options.json) return io.out(`${harmlessJson({ gaps, told })}\n`)
    if (gaps.length + told.length === 0) return io.out('complete: no line is missing\n')
    for (const { message } of told) io.out(`${harmless(message)}\n`)
    if (gaps.length === 0) return undefined
    const rows = gaps.map((gap) => row(gap, options.utc ?? false))
    io.out(table(['SERVICE', 'SOURCE', 'LINES', 'FIRST', 'LAST', 'AFTER', 'BEFORE'], rows))
  })
}

function row({ service, source, missing: [first, last], between }: SequenceGap, utc: boolean) {
  const [after, before] = between.map((time: LogDoc['@timestamp']) =>
    formatMoment(isoToMs(time), utc),
  )
  return [service, source, last - first + 1, first, last, after ?? '-', before ?? '-']
}
