import { explainDecision } from '../autoscaling/explain.ts'
import { quantity } from '../autoscaling/words.ts'
import type { Decision, ScalingStatus, TargetInput } from '../pipeline/decision.ts'
import type { Trouble } from '../pipeline/errors.ts'
import { matchService } from '../pipeline/identity.ts'
import { wholeNumber } from './arguments.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { decisionTable } from './decision-table.ts'
import { harmlessJson, harmlessLines } from './harmless.ts'
import { meantService } from './meant-service.ts'
import { formatMoment, parseMoment } from './moment.ts'
import type { AddCommand, CommandContext } from './parts.ts'
import { nothing } from './report.ts'
import { addPausing, pausesText } from './scale-pause.ts'
import { addSimulate } from './simulate.ts'
import type { Source } from './source.ts'
import { table } from './table.ts'

interface ShownOptions extends DataOptions {
  json?: boolean
  utc?: boolean
}

interface ExplainOptions extends ShownOptions {
  at?: number
}

interface HistoryOptions extends ShownOptions {
  since?: number
  number: number
}

const dayMs = 86_400_000

export const addScale: AddCommand = (program, context) => {
  const { clock } = context.io
  const time = (text: string) => parseMoment(text, clock.now())
  const scale = program.command('scale').description('what the autoscaler does, and why')
  const add = (name: string, description: string, options?: { isDefault: boolean }) =>
    addDataOptions(
      scale
        .command(name, options)
        .description(description)
        .option('--json', 'as JSON')
        .option('--utc', 'times in UTC'),
    )
  add('list', 'all services with a scaling policy (also without `list`)', {
    isDefault: true,
  }).action((options: ShownOptions) => list(options, context))
  add('explain <service>', 'the last decision on a service: inputs, steps, what would change it')
    .option('--at <time>', 'the one that held then: 15m (ago), 2026-11-22T18:25:51Z', time)
    .action((service: string, options: ExplainOptions) => explain(service, options, context))
  add('history <service>', 'decisions on a service, the oldest first')
    .option('--since <time>', 'from then on: 15m (ago) …; a day ago unless set', time)
    .option('-n, --number <count>', 'at most so many, the newest', wholeNumber(1, 1000), 200)
    .action((service: string, options: HistoryOptions) => history(service, options, context))
  addPausing(scale, context)
  addSimulate(add, context)
}

async function list(options: ShownOptions, context: CommandContext): Promise<void> {
  const { io } = context
  const scaling = await withSource(options, context, (source) => source.scaling())
  if (options.json) return io.out(`${harmlessJson({ scaling })}\n`)
  if (scaling.length === 0) return io.err('mesoscope: no service has a scaling policy\n')
  const rows = scaling.map((view) => row(view, options.utc ?? false))
  const headings = [
    'SERVICE',
    'WANTED',
    'RUNNING',
    'HEALTHY',
    'RANGE',
    'TARGETS',
    'TIME',
    'DECISION',
  ]
  io.out(table(headings, rows))
  io.out(pausesText(scaling, options.utc ?? false))
}

function row({ service, policy, last, trouble }: ScalingStatus, utc: boolean): (string | number)[] {
  const { wanted, running, healthy } = last?.inputs ?? {}
  const range = policy ? `${policy.min}..${policy.max}${policy.dryRun ? ' (dry run)' : ''}` : '-'
  return [
    service,
    wanted ?? '-',
    running ?? '-',
    healthy ?? '-',
    range,
    last?.inputs.targets.map(targetWords).join(', ') || '-',
    last ? formatMoment(last.ts, utc) : '-',
    last?.message ?? trouble ?? 'not evaluated yet',
  ]
}

function targetWords({ signal, kind, value, target, unit }: TargetInput): string {
  const is = value === undefined ? 'no value' : quantity(value, unit)
  const bound = kind === 'above' || kind === 'below' ? kind : 'of'
  return `${signal} ${is} ${bound} ${quantity(target, unit)}`
}

async function explain(
  name: string,
  options: ExplainOptions,
  context: CommandContext,
): Promise<void> {
  const { io } = context
  const { decision, lastChange, pauses } = await withSource(options, context, (source) =>
    decisionOn(name, options.at, source),
  )
  if (options.json) return io.out(`${harmlessJson({ decision, lastChange, pauses })}\n`)
  const moment = (ms: number) => formatMoment(ms, options.utc ?? false)
  const lines = explainDecision(decision, { moment, lastChange, pauses }).split('\n')
  io.out(lines.map((line) => harmlessLines(line, '')).join('\n'))
}

async function decisionOn(
  name: string,
  at: number | undefined,
  source: Source,
): Promise<Pick<ScalingStatus, 'lastChange' | 'pauses'> & { decision: Decision }> {
  if (at === undefined) {
    const views = await source.scaling()
    const meant = meantService(
      name,
      views.map(({ service }) => service),
    )
    const view = views.find(({ service }) => service === meant)
    if (view?.last) return { ...view, decision: view.last }
    if (view?.trouble !== undefined) throw nothing(`${view.service}: ${view.trouble}`)
  }
  // The end of a range is not in it.
  const [doc] = await source.decisions({ service: name, to: at === undefined ? at : at + 1 }, 1)
  if (doc) return { decision: doc.decision }
  throw await undecided(name, at === undefined ? 'yet' : 'until then', source)
}

/** Where the service is not scaled at all, with what is. */
async function undecided(name: string, when: string, source: Source): Promise<Trouble> {
  const sentence = `nothing was decided on "${name}" ${when}`
  const scaled = (await source.scaling()).map(({ service }) => service).toSorted()
  if (matchService(name, scaled).length > 0) return nothing(sentence)
  const known = scaled.slice(0, 20).join(', ')
  return nothing(
    sentence,
    known === ''
      ? 'no service is scaled; autoscaling.services or labels of the app ask for it'
      : `it is not scaled; scaled are ${known}`,
  )
}

async function history(
  name: string,
  options: HistoryOptions,
  context: CommandContext,
): Promise<void> {
  const { io } = context
  const from = options.since ?? io.clock.now() - dayMs
  const newest = await withSource(options, context, async (source) => {
    const found = await source.decisions({ service: name, from }, options.number)
    if (found.length === 0 && !options.json) throw await undecided(name, 'in that time', source)
    return found
  })
  const decisions = newest.toReversed()
  if (options.json) return io.out(`${harmlessJson({ decisions })}\n`)
  const shown = decisions.map(({ decision }) => decision)
  io.out(decisionTable(shown, options.utc ?? false))
}
