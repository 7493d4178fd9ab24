import { Command } from 'commander'
import { addAck } from './ack.ts'
import { addAlerts } from './alerts.ts'
import { addChanges } from './changes.ts'
import { addCheck } from './check.ts'
import { checkRules } from './check-rules.ts'
import { checkStages } from './check-stages.ts'
import { addDead } from './dead.ts'
import { addDemo } from './demo.ts'
import { addDoctor } from './doctor.ts'
import { addGaps } from './gaps.ts'
import { processIo } from './io.ts'
import { addLogs } from './logs.ts'
import { addNotify } from './notify.ts'
import type { AddCommand, CliParts } from './parts.ts'
import { addPlayground } from './playground.ts'
import { addReadiness } from './readiness.ts'
import { exitCodeHelp, report } from './report.ts'
import { addRules } from './rules.ts'
import { addRun } from './run.ts'
import { addScale } from './scale.ts'
import { addServices } from './services.ts'
import { addSilence } from './silence.ts'
import { addTask } from './task.ts'

/** All commands, in the order of `--help`. */
const commands = {
  run: addRun,
  check: addCheck,
  logs: addLogs,
  services: addServices,
  alerts: addAlerts,
  silence: addSilence,
  ack: addAck,
  rules: addRules,
  notify: addNotify,
  readiness: addReadiness,
  changes: addChanges,
  task: addTask,
  scale: addScale,
  dead: addDead,
  gaps: addGaps,
  demo: addDemo,
  playground: addPlayground,
  doctor: addDoctor,
} satisfies Record<string, AddCommand>

/**
 * The command line. `parseAsync` never rejects for what a person can cause: it tells what is wrong in one line and
 * sets the exit code.
 *
 * @example
 * await buildCli({ version, start, startDemo, openStoreReadOnly }).parseAsync()
 */
export function buildCli(parts: CliParts): Command {
  const io = parts.io ?? processIo()
  const program = new Command('mesoscope')
    .description('Logs, alerts and scaling for services that have no fixed host')
    .version(parts.version)
    .option('--debug', 'show where in the program an error arose')
    .exitOverride()
    .showHelpAfterError('(--help explains)')
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'mesoscope: ')),
    })
    .addHelpText('after', exitCodeHelp)
  const context = { ...parts, io, checks: [checkRules, checkStages] }
  for (const add of Object.values(commands)) add(program, context)
  for (const command of program.commands) command.addHelpText('after', exitCodeHelp)
  const parse = program.parseAsync.bind(program)
  program.parseAsync = async (argv, options) => {
    try {
      await parse(argv, options)
      io.exitWith(0)
    } catch (error) {
      io.exitWith(report(error, io, program.opts<{ debug?: boolean }>().debug ?? false))
    }
    return program
  }
  return program
}
