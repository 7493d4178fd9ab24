import type { Command } from 'commander'
import type { Answers, DeadView } from '../dashboards/api.ts'
import { isoToMs } from '../pipeline/event.ts'
import { wholeNumber } from './arguments.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { harmless, harmlessJson } from './harmless.ts'
import { formatMoment, parseMoment } from './moment.ts'
import type { AddCommand, CommandContext } from './parts.ts'
import { failure, misuse } from './report.ts'
import { table } from './table.ts'

interface DeadOptions extends DataOptions {
  lines: number
  since?: number
  json?: boolean
  utc?: boolean
}

interface RedriveOptions extends DataOptions {
  since?: number
  reason?: string
  all?: boolean
  dryRun?: boolean
  json?: boolean
}

export const addDead: AddCommand = (program, context) => {
  const { io } = context
  const time = (text: string) => parseMoment(text, io.clock.now())
  const command = program
    .command('dead')
    .description('dead letters: input that could not become an event or be stored, and why')
    .option('-n, --lines <count>', 'at most so many', wholeNumber(1, 1000), 20)
    .option('--since <time>', 'from then on: 15m (ago), 2026-11-22T18:25:51Z', time)
    .option('--json', 'as JSON')
    .option('--utc', 'times in UTC')
  addDataOptions(command).action((options: DeadOptions) => list(options, context))
  addRedrive(command, context)
}

async function list(options: DeadOptions, context: CommandContext): Promise<void> {
  const { io } = context
  const range = options.since === undefined ? {} : { from: options.since }
  const dead = await withSource(options, context, (source) => source.dead(range, options.lines))
  if (options.json) return io.out(`${harmlessJson({ dead })}\n`)
  if (dead.length === 0) return io.err('mesoscope: no dead letters\n')
  const rows = dead.map((letter) => row(letter, options.utc ?? false))
  io.out(table(['TIME', 'REASON', 'BYTES', 'AGAIN', 'WHERE', 'BEGINS WITH'], rows))
}

function row(letter: DeadView, utc: boolean) {
  const { '@timestamp': time, reason, bytes, origin, sample } = letter
  return [
    formatMoment(isoToMs(time), utc),
    reason,
    bytes,
    again(letter, utc),
    origin,
    sample.slice(0, 60),
  ]
}

/** Whether it can be given back, and when that was done. */
function again({ redriven, redrivable }: DeadView, utc: boolean): string {
  if (redriven) return formatMoment(isoToMs(redriven.at), utc)
  return redrivable ? 'possible' : '-'
}

function addRedrive(command: Command, context: CommandContext): void {
  const time = (text: string) => parseMoment(text, context.io.clock.now())
  const redrive = command
    .command('redrive [ids...]')
    .description('gives the originals of dead letters back, once their cause is mended')
    .option('--reason <text>', 'those whose reason holds this text')
    .option('--since <time>', 'those from then on: 15m (ago), 2026-11-22T18:25:51Z', time)
    .option('--all', 'all that were not given back yet, the newest 1000')
    .option('--dry-run', 'only tell which ones these are')
    .option('--json', 'as JSON')
  addDataOptions(redrive).action(async (ids: string[], _own: unknown, { parent }: Command) => {
    // Options of both commands (`--since`, `--data`) are taken by the first.
    const options: RedriveOptions = { ...parent?.opts(), ...redrive.opts() }
    await giveBack(ids, options, context)
  })
}

async function giveBack(ids: string[], options: RedriveOptions, context: CommandContext) {
  const { io } = context
  const chosen = options.reason !== undefined || options.since !== undefined
  if (ids.length === 0 && !chosen && !options.all) {
    throw misuse('which dead letters?', 'give their ids (see --json), --reason, --since or --all')
  }
  const answer = await withSource(options, context, async ({ api }) => {
    if (!api) throw failure(1, 'no Mesoscope is running there', 'start it with mesoscope run')
    return api.post<Answers['/api/dead/redrive']>('/api/dead/redrive', {
      ...(ids.length > 0 ? { ids } : { from: options.since, reason: options.reason }),
      by: io.env['USER'] ?? 'the command line',
      dry: options.dryRun ?? false,
    })
  })
  if (options.json) return io.out(`${harmlessJson(answer)}\n`)
  const { sent, impossible, dry } = answer
  io.out(`${sent.length} ${dry ? 'would be given back' : 'given back to the bus'}\n`)
  for (const { id, reason } of impossible)
    io.out(`${harmless(id)}: not possible: ${harmless(reason)}\n`)
}
