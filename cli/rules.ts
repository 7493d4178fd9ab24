import { dirname, join } from 'node:path'
import { Option } from 'commander'
import { compileRules } from '../alerting/rules/compile.ts'
import { declaredRule, declaredSignals } from '../config/declared.ts'
import { loadSettings } from '../config/load.ts'
import { loadRuleTests } from '../config/rule-tests.ts'
import type { BacktestAnswer, BacktestIncident } from '../pipeline/backtest.ts'
import { withRead } from '../pipeline/signal-derived.ts'
import { Trouble } from '../pipeline/errors.ts'
import { spokenSeconds } from '../pipeline/spoken.ts'
import { checkSettings } from './check.ts'
import {
  addDataOptions,
  configFile,
  defaultConfig,
  withSource,
  type DataOptions,
} from './data-option.ts'
import { harmless, harmlessJson } from './harmless.ts'
import { formatMoment, parseMoment } from './moment.ts'
import type { AddCommand, CommandContext } from './parts.ts'
import { exitCodes, failure, misuse, nothing } from './report.ts'
import type { Source } from './source.ts'
import { streamedAnswer } from './streamed.ts'
import { table } from './table.ts'

interface ListOptions extends DataOptions {
  json?: boolean
  utc?: boolean
}

interface BacktestOptions extends DataOptions {
  from: number
  to?: number
  rules?: string
  hindsight?: boolean
  json?: boolean
  utc?: boolean
}

const backtestWords = `
The rule is that of --rules (a settings file; the one that --config names unless set), so that it can be tried before it
is used. Signals that are declared there as they are where it runs were recorded; others are measured again from
what came then, as far back as the bus keeps it (bus.retention).`

export const addRules: AddCommand = (program, context) => {
  const { clock } = context.io
  const time = (text: string) => parseMoment(text, clock.now())
  const rules = program
    .command('rules')
    .description('alert rules: check them, try them on the past')
  addDataOptions(
    rules
      .command('list', { isDefault: true })
      .description('all rules, and how they were evaluated last (also without `list`)')
      .option('--json', 'as JSON')
      .option('--utc', 'times in UTC'),
  ).action((options: ListOptions) => list(options, context))
  rules
    .command('check')
    .description('the same as mesoscope check: everything that is wrong, with file, line and path')
    .argument('[file]', `the file (default: ${defaultConfig}, if here)`)
    .action((named: string | undefined) => checkSettings(named, context))
  rules
    .command('test')
    .description(
      'run files of tests: lines, samples and changes that come, and what rules make of them',
    )
    .argument('<files...>', 'the files (see README)')
    .option('--rules <file>', 'settings file with the rules (default: `rules` of each file)')
    .action((files: string[], options: { rules?: string }) => runTests(files, options, context))
  const backtest = rules
    .command('backtest <rule>')
    .description(
      'what a rule would have told in the past: how often, when, of whom, with the lines',
    )
    .addOption(
      new Option('--from <time>', 'from then on: 1h (ago), 2026-11-22T18:25:51Z')
        .argParser(time)
        .makeOptionMandatory(),
    )
    .option('--to <time>', 'until then; now unless set', time)
    .option('--rules <file>', 'settings file with the rule and its signals')
    .option('--hindsight', 'as if no event had come late')
    .option('--json', 'as JSON')
    .option('--utc', 'times in UTC')
    .addHelpText('after', backtestWords)
  addDataOptions(backtest).action((rule: string, options: BacktestOptions) =>
    runBacktest(rule, options, context),
  )
}

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const { io } = context
  const { rules } = await withSource(options, context, (source) => source.rules())
  if (options.json) return io.out(`${harmlessJson({ rules })}\n`)
  if (rules.length === 0) return io.err('mesoscope: there are no rules\n')
  const rows = rules.map(({ alert, when, active, lastEvaluation, durationMs, error }) => [
    error === undefined ? 'ok' : 'failing',
    alert,
    active,
    lastEvaluation === undefined ? '-' : formatMoment(lastEvaluation, options.utc ?? false),
    durationMs === undefined ? '-' : `${durationMs.toFixed(1)} ms`,
    error ?? when,
  ])
  io.out(table(['HEALTH', 'RULE', 'ALERTS', 'EVALUATED', 'TOOK', 'CONDITION'], rows))
}

async function runTests(files: string[], { rules }: { rules?: string }, context: CommandContext) {
  const { io, checks, runRuleTests } = context
  if (!runRuleTests) throw misuse('this program runs no tests of rules')
  let passed = 0
  let failed = 0
  for (const file of files) {
    const { rules: named, tests } = loadRuleTests(file)
    const settingsFile = rules ?? (named === undefined ? undefined : join(dirname(file), named))
    const { settings } = loadSettings(configFile(settingsFile), io.env, {}, checks)
    for (const { name, line, differences } of await runRuleTests(settings, tests)) {
      io.out(
        harmless(`${differences.length === 0 ? 'ok' : 'FAILED'}  ${file}:${line}: ${name}`) + '\n',
      )
      for (const { line: at, sentence } of differences) {
        io.out(harmless(`${file}:${at}: ${sentence}`) + '\n')
      }
      if (differences.length === 0) passed++
      else failed++
    }
  }
  const summary = `${passed} passed, ${failed} failed`
  if (failed > 0) throw failure(exitCodes.failed, summary)
  io.err(`mesoscope: ${summary}\n`)
}

async function runBacktest(name: string, options: BacktestOptions, context: CommandContext) {
  const { io, checks } = context
  const file = configFile(options.rules ?? options.config)
  if (file === undefined) {
    throw misuse(`there is no ${defaultConfig} here`, 'name the file with the rule: --rules FILE')
  }
  const { settings } = loadSettings(file, io.env, {}, checks)
  const found = settings.alerts.filter(({ alert }) => alert === name)
  const [declared, ...others] = found
  if (!declared) {
    const known = settings.alerts.map(({ alert }) => alert)
    throw nothing(`${file} has no rule "${name}"`, `rules are ${known.join(', ') || '(none)'}`)
  }
  if (others.length > 0) throw misuse(`${file} has ${found.length} rules "${name}"`)
  const rule = declaredRule(declared)
  const signals = declaredSignals(settings)
  const [compiled] = compileRules([rule], signals).rules
  const question = {
    rule,
    signals: withRead(compiled?.reads ?? [], signals),
    from: options.from,
    to: options.to ?? io.clock.now(),
    hindsight: options.hindsight ?? false,
  }
  const answer = await withSource(options, context, (source) => ask(source, question, context))
  if (options.json) return io.out(`${harmlessJson(answer)}\n`)
  io.out(shown(answer, options.utc ?? false))
  io.err(`mesoscope: ${harmless(summary(answer, options.utc ?? false))}\n`)
}

async function ask(source: Source, question: object, context: CommandContext) {
  const asked = { path: '/api/rules/backtest', question, what: 'back-test' }
  const answer = (await streamedAnswer(source, asked, context)) as BacktestAnswer
  if (Array.isArray(answer.incidents)) return answer
  throw new Trouble('the back-test ended with something that is no answer')
}

function shown({ incidents }: BacktestAnswer, utc: boolean): string {
  if (incidents.length === 0) return ''
  const rows = incidents.map((one) => [
    formatMoment(one.firedAt, utc),
    lasted(one),
    one.labels['service'] ?? '-',
    one.explanation,
    othersOf(one),
  ])
  const lines = incidents.flatMap(({ labels, lines }) =>
    lines.map((line) => `  ${labels['service'] ?? '-'}  ${line['@timestamp']}  ${line.message}`),
  )
  const some = lines.length > 0 ? `\nSome of the lines:\n${lines.map(harmless).join('\n')}\n` : ''
  return `${table(['FIRED', 'LASTED', 'SERVICE', 'BECAUSE', 'LABELS'], rows)}${some}`
}

const lasted = ({ firedAt, resolvedAt }: BacktestIncident) =>
  resolvedAt === undefined ? 'goes on' : spokenSeconds((resolvedAt - firedAt) / 1000)

function othersOf({ labels }: BacktestIncident): string {
  const { alertname: _, service: _service, ...others } = labels
  return Object.entries(others)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

function summary({ alert, evaluated, source, failures, incidents }: BacktestAnswer, utc: boolean) {
  if (!evaluated) return `${alert}: nothing that was recorded reaches into that time`
  const { from, to, count } = evaluated
  const services = new Set(incidents.map(({ labels }) => labels['service']).filter(Boolean))
  const failed = failures.map(
    ({ error, count: times }) => `; ${times} evaluations failed: ${error}`,
  )
  const times = `${formatMoment(from, utc)} to ${formatMoment(to, utc)}`
  return (
    `${alert} would have fired ${incidents.length} times, of ${services.size} services, in ${count} evaluations from ${times} ` +
    `(${source === 'recorded' ? 'signals as recorded then' : 'signals measured again'})${failed.join('')}`
  )
}
