import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { harmlessJson } from './harmless.ts'
import { formatMoment, parseMoment } from './moment.ts'
import type { AddCommand } from './parts.ts'
import type { KnownService } from './source.ts'
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
    .description('how the services stand, the most ill first; lines, errors, tasks, newest line')
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
    const utc = options.utc ?? false
    const isLive = services.some(({ state }) => state !== undefined)
    const standing = isLive ? ['STATE', 'SINCE', 'HEALTHY'] : []
    const rows = services.map((service) => [
      service.service,
      ...(isLive ? standingOf(service, utc) : []),
      ...countsOf(service, utc),
    ])
    io.out(table(['SERVICE', ...standing, 'LINES', 'ERRORS', 'TASKS', 'NEWEST LINE'], rows))
  })
}

/** `firing`, since when, `1 of 2` */
function standingOf({ state, since, instances }: KnownService, utc: boolean): string[] {
  const { wanted, running = 0, healthy = 0 } = instances ?? {}
  return [
    state ?? '-',
    since === undefined ? '-' : formatMoment(since, utc),
    wanted === undefined ? '-' : `${Math.min(running, healthy)} of ${wanted}`,
  ]
}

function countsOf({ lines, levels, taskCount, lastMs }: KnownService, utc: boolean) {
  const errors = (levels.error ?? 0) + (levels.fatal ?? 0)
  // A service that is only known from its alert has no newest line.
  const newest = Number.isFinite(lastMs) ? formatMoment(lastMs, utc) : '-'
  return [lines, errors, taskCount, newest]
}
