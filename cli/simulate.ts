import { readFileSync } from 'node:fs'
import { InvalidArgumentError, type Command } from 'commander'
import { explainDecision } from '../autoscaling/explain.ts'
import { number, span } from '../autoscaling/words.ts'
import { readPolicy } from '../config/load.ts'
import { parseDuration } from '../config/units.ts'
import { errorCode, Trouble } from '../pipeline/errors.ts'
import type { Exactness, SimulationAnswer, SimulationFigures } from '../pipeline/simulation.ts'
import { withSource, type DataOptions } from './data-option.ts'
import { decisionTable } from './decision-table.ts'
import { harmless, harmlessJson, harmlessLines } from './harmless.ts'
import { formatMoment, parseMoment } from './moment.ts'
import type { CommandContext } from './parts.ts'
import { plot } from './plot.ts'
import { exitCodes, failure, misuse } from './report.ts'
import { streamedAnswer } from './streamed.ts'
import { table } from './table.ts'

interface SimulateOptions extends DataOptions {
  policy?: string
  from?: number
  to?: number
  startTime?: number
  capacity?: Record<string, number>
  decisions?: boolean
  json?: boolean
  utc?: boolean
}

const words = `
Without --policy the policies of then are taken along what was recorded, and every decision has to be the same again: exit
code 1 if one is not. With --policy (one entry of autoscaling.services; - reads it from standard input) it shows what that
would have done: from the first change that differs the instances are those of a model, under the recorded load.

saturated: how long ready instances had more than their targets and the tolerance allow, or more than --capacity says.
turns: changes in the other direction than the one before.`

const sixHoursMs = 6 * 3_600_000
const maxPolicyBytes = 10_000

export function addSimulate(
  add: (name: string, description: string) => Command,
  context: CommandContext,
): void {
  const { clock } = context.io
  const time = (text: string) => parseMoment(text, clock.now())
  add('simulate <service>', 'what a scaling policy decides along what was recorded')
    .option('--policy <file>', 'another policy than that of then')
    .option('--from <time>', 'from then on: 1h (ago), 2026-11-22T18:25:51Z; 6h unless set', time)
    .option('--to <time>', 'until then; now unless set', time)
    .option('--start-time <duration>', 'until a new instance is ready; as it was then', duration)
    .option('--capacity <signal=n>', 'what a ready instance can take (repeatable)', capacity)
    .option('--decisions', 'also the decisions')
    .addHelpText('after', words)
    .action((service: string, options: SimulateOptions) => simulate(service, options, context))
}

function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined && ms <= 86_400_000) return ms
  throw new InvalidArgumentError('Give a duration such as 30s or 2m, at most a day.')
}

function capacity(text: string, before: Record<string, number> = {}): Record<string, number> {
  const [, signal = '', value = ''] = /^([a-z][a-z0-9_]*)=(\d{0,12}\.?\d{1,12})$/.exec(text) ?? []
  if (Number(value) > 0) return { ...before, [signal]: Number(value) }
  throw new InvalidArgumentError('Give a signal and a number above 0, such as requests=30.')
}

async function simulate(service: string, options: SimulateOptions, context: CommandContext) {
  const { io } = context
  const now = io.clock.now()
  const { from = now - sixHoursMs, to = now, startTime, capacity: limits } = options
  const policy = options.policy === undefined ? undefined : readFile(options.policy)
  // What is wrong with it is told with its place, as settings are.
  if (policy) readPolicy(policy.text, policy.file, service)
  const question = {
    service,
    from,
    to,
    ...(policy ? { policy } : {}),
    ...(startTime === undefined ? {} : { startMs: startTime }),
    ...(limits ? { capacity: limits } : {}),
  }
  const asked = { path: '/api/scaling/simulate', question, what: 'simulation' }
  const answer = (await withSource(options, context, (source) =>
    streamedAnswer(source, asked, context),
  )) as SimulationAnswer
  if (!Array.isArray(answer.points)) throw new Trouble('the simulation ended without an answer')
  if (options.json) io.out(`${harmlessJson(answer)}\n`)
  else show(answer, options, context)
  tell(answer, options.utc ?? false, context)
}

function readFile(file: string): { text: string; file: string } {
  try {
    const text = readFileSync(file === '-' ? 0 : file, 'utf8')
    if (text.length > maxPolicyBytes) {
      throw misuse(`${file} has ${text.length} signs, too many for a policy`)
    }
    return { text, file: file === '-' ? 'standard input' : file }
  } catch (error) {
    if (error instanceof Trouble) throw error
    throw misuse(`cannot read ${file} (${errorCode(error) ?? 'unknown error'})`)
  }
}

function show(answer: SimulationAnswer, options: SimulateOptions, { io }: CommandContext) {
  const { points, load, happened, simulated, decisions, other } = answer
  const { utc = false } = options
  io.out(plot(points, { columns: io.columns ?? 80, utc, load }))
  io.out('\n')
  const sides = other ? [happened, simulated] : [happened]
  io.out(table(['', 'HAPPENED', ...(other ? ['SIMULATED'] : [])], rows(sides)))
  if (!options.decisions) return
  io.out(`\n${decisionTable(decisions, utc)}`)
}

function rows(sides: readonly SimulationFigures[]): string[][] {
  const lines: [string, (figures: SimulationFigures) => string][] = [
    ['instances', ({ least, most }) => `${least} to ${most}`],
    ['saturated', ({ saturatedMinutes: min }) => (min === undefined ? '-' : `${number(min)} min`)],
    ['task hours', ({ taskHours }) => number(taskHours)],
    ['changes', ({ changes }) => String(changes)],
    ['turns', ({ turns }) => String(turns)],
  ]
  return lines.map(([name, figure]) => [name, ...sides.map(figure)])
}

/** What it is worth. */
function tell(answer: SimulationAnswer, utc: boolean, { io }: CommandContext) {
  const { evaluated, exactness, other, remarks } = answer
  const times = `${formatMoment(evaluated.from, utc)} to ${formatMoment(evaluated.to, utc)}`
  for (const remark of remarks) io.err(`mesoscope: ${harmless(remark)}\n`)
  if (other) {
    const since =
      other.differsFrom === undefined
        ? 'does what was done'
        : `does something else from ${formatMoment(other.differsFrom, utc)} on`
    const start = other.starts > 0 ? `, the median of ${other.starts} starts` : ''
    io.err(
      `mesoscope: ${evaluated.count} evaluations from ${times}: the policy ${since}; a new instance takes ${span(other.startMs)}${start}\n`,
    )
  }
  if (!exactness) return
  const said = exactnessWords(exactness)
  if (isExact(exactness)) return io.err(`mesoscope: ${said}, from ${times}\n`)
  if (exactness.first) io.out(differenceWords(exactness.first, utc))
  throw failure(
    exitCodes.failed,
    said,
    'the records of then may be of another version of Mesoscope',
  )
}

const isExact = ({ decisions, identical, told }: Exactness) =>
  decisions === identical && told.decisions === told.identical

function exactnessWords({ decisions, identical, told, unrecorded }: Exactness): string {
  const missing =
    unrecorded > 0
      ? `; ${unrecorded} more were told by a process that ended before it wrote down what it knew`
      : ''
  return `identical: ${identical} of ${decisions} decisions, ${told.identical} of the ${told.decisions} that were told${missing}`
}

function differenceWords(
  { ts, recorded, simulated }: NonNullable<Exactness['first']>,
  utc: boolean,
): string {
  const moment = (ms: number) => formatMoment(ms, utc)
  const lines = [
    `\nThe first difference, at ${moment(ts)}:`,
    `then       ${recorded?.message ?? 'something else, which was not told'}`,
    `simulated  ${simulated?.message ?? 'nothing'}`,
    ...(simulated ? ['', ...explainDecision(simulated, { moment }).split('\n')] : ['']),
  ]
  return lines.map((line) => harmlessLines(line, '')).join('\n')
}
