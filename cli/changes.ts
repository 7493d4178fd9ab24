import { changeKinds, isoToMs } from '../pipeline/event.ts'
import { identityFields } from '../pipeline/identity.ts'
import type { StoredDoc } from '../pipeline/store/store.ts'
import { wholeNumber } from './arguments.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { harmlessJson } from './harmless.ts'
import { formatMoment, parseMoment } from './moment.ts'
import type { AddCommand, CommandContext } from './parts.ts'
import { misuse } from './report.ts'
import { table } from './table.ts'

interface ChangesOptions extends DataOptions {
  since?: number
  until?: number
  kind?: string
  number: number
  json?: boolean
  utc?: boolean
}

const dayMs = 86_400_000
/** Docker's, Mesos' and Marathon's own words, of which the others are made, are told on request. */
const usualKinds = changeKinds.filter((kind) => kind !== 'container' && kind !== 'status')

export const addChanges: AddCommand = (program, context) => {
  const { clock } = context.io
  const time = (text: string) => parseMoment(text, clock.now())
  const command = program
    .command('changes')
    .description('what happened, of a service or of the whole cluster, the oldest first')
    .argument('[service]', 'its id, or a unique ending of it; the whole cluster where absent')
    .option('--since <time>', 'from then on: 15m (ago) …; a day ago unless set', time)
    .option('--until <time>', 'up to then', time)
    .option('--kind <kinds>', `only these, with commas between them: ${changeKinds.join(', ')}`)
    .option('-n, --number <count>', 'at most so many, the newest', wholeNumber(1, 1000), 200)
    .option('--json', 'as JSON')
    .option('--utc', 'times in UTC')
  addDataOptions(command).action((service: string | undefined, options: ChangesOptions) =>
    tell(service, options, context),
  )
}

async function tell(
  service: string | undefined,
  options: ChangesOptions,
  context: CommandContext,
): Promise<void> {
  const { io } = context
  const { since = io.clock.now() - dayMs, until } = options
  const query = {
    from: since,
    kinds: kindsOf(options.kind),
    ...(until === undefined ? {} : { to: until }),
    ...(service === undefined ? {} : { services: [service] }),
  }
  const found = await withSource(options, context, (source) =>
    source.changes(query, options.number),
  )
  const changes = found.toReversed()
  if (options.json) return io.out(`${harmlessJson({ changes })}\n`)
  if (changes.length === 0) return io.err('mesoscope: nothing happened in this time\n')
  const rows = changes.map((change) => row(change, options.utc ?? false))
  return io.out(table(['TIME', 'KIND', 'ACTION', 'SERVICE', 'WHAT'], rows))
}

function kindsOf(given: string | undefined): string[] {
  const kinds = given?.split(',') ?? [...usualKinds]
  const wrong = kinds.find((kind) => !changeKinds.some((known) => known === kind))
  if (wrong === undefined) return kinds
  throw misuse(`"${wrong}" is no kind of change`, `kinds are ${changeKinds.join(', ')}`)
}

function row(change: StoredDoc, utc: boolean): string[] {
  const word = (field: string) => {
    const value = (change as Record<string, unknown>)[field]
    return typeof value === 'string' && value !== '' ? value : '-'
  }
  const time = formatMoment(isoToMs(change['@timestamp']), utc)
  return [
    time,
    word('event.kind'),
    word('event.action'),
    word(identityFields.service),
    word('message'),
  ]
}
