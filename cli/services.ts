import type { ServiceSummary } from '../pipeline/store/store.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { harmlessJson } from './harmless.ts'
import { formatMoment, parseMoment } from './moment.ts'
import type { AddCommand } from './parts.ts'
import { table } from './table.ts'

interface ServicesOptions extends DataOptions {
  since: number
  json?: boolean
  utc?: boolean
}

const dayMs = 86_400_000

export const addServices: AddCommand = (program, context) => {
  const { io } = context
  const command = program
    .command('services')
    .description('the services that wrote lately: lines, errors, tasks, newest line')
    .option(
      '--since <time>',
      'from then on: 15m (ago), 2026-11-22T18:25:51Z; a day ago unless set',
      (text) => parseMoment(text, io.clock.now()),
    )
    .option('--json', 'as JSON')
    .option('--utc', 'times in UTC')
  addDataOptions(command).action(async (options: ServicesOptions) => {
    const from = options.since ?? io.clock.now() - dayMs
    const services = await withSource(options, context, (source) => source.services({ from }))
    if (options.json) return io.out(`${harmlessJson({ services })}\n`)
    if (services.length === 0) return io.err('mesoscope: no service wrote a line in that time\n')
    const rows = services.map((service) => row(service, options.utc ?? false))
    io.out(table(['SERVICE', 'LINES', 'ERRORS', 'TASKS', 'NEWEST LINE'], rows))
  })
}

function row({ service, lines, levels, taskCount, lastMs }: ServiceSummary, utc: boolean) {
  const errors = (levels.error ?? 0) + (levels.fatal ?? 0)
  // A service that is only known from its alert has no newest line.
  const newest = Number.isFinite(lastMs) ? formatMoment(lastMs, utc) : '-'
  return [service, lines, errors, taskCount, newest]
}
