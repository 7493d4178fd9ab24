import { isoToMs, type DeadLetter } from '../pipeline/event.ts'
import { wholeNumber } from './arguments.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { harmlessJson } from './harmless.ts'
import { formatMoment, parseMoment } from './moment.ts'
import type { AddCommand } from './parts.ts'
import { table } from './table.ts'

interface DeadOptions extends DataOptions {
  lines: number
  since?: number
  json?: boolean
  utc?: boolean
}

export const addDead: AddCommand = (program, context) => {
  const { io } = context
  const command = program
    .command('dead')
    .description('dead letters: input that could not become an event, and why')
    .option('-n, --lines <count>', 'at most so many', wholeNumber(1, 1000), 20)
    .option('--since <time>', 'from then on: 15m (ago), 2026-11-22T18:25:51Z', (text) =>
      parseMoment(text, io.clock.now()),
    )
    .option('--json', 'as JSON')
    .option('--utc', 'times in UTC')
  addDataOptions(command).action(async (options: DeadOptions) => {
    const range = options.since === undefined ? {} : { from: options.since }
    const dead = await withSource(options, context, (source) => source.dead(range, options.lines))
    if (options.json) return io.out(`${harmlessJson({ dead })}\n`)
    if (dead.length === 0) return io.err('mesoscope: no dead letters\n')
    const rows = dead.map((letter) => row(letter, options.utc ?? false))
    io.out(table(['TIME', 'REASON', 'BYTES', 'WHERE', 'BEGINS WITH'], rows))
  })
}

function row({ '@timestamp': time, reason, bytes, origin, sample }: DeadLetter, utc: boolean) {
  return [formatMoment(isoToMs(time), utc), reason, bytes, origin, sample.slice(0, 60)]
}
