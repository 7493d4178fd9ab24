import { SettingsTrouble } from '../config/faults.ts'
import { loadUsable, type Overrides } from '../config/load.ts'
import type { BadRule } from '../config/set-aside.ts'
import { collected, listOf, wholeNumber } from './arguments.ts'
import { configFile, defaultConfig } from './data-option.ts'
import { harmless } from './harmless.ts'
import { roles, type AddCommand, type Io, type Role, type Running } from './parts.ts'
import { misuse, report } from './report.ts'
import { untilStopped } from './until-stopped.ts'

interface RunOptions {
  config?: string
  data?: string
  fresh?: boolean
  roles?: Role[]
  docker?: boolean
  root: string
  socket: string
  tail?: string[]
  service?: string
  port?: number
}

const dockerRoot = '/var/lib/docker/containers'
const dockerSocket = '/var/run/docker.sock'

export const addRun: AddCommand = (program, { io, start, checks }) => {
  program
    .command('run')
    .description('collect, store, alert and show, until stopped')
    .option('--config <file>', `settings (default: ${defaultConfig}, if here)`)
    .option('--data <dir>', 'directory of all state, instead of `data` of the settings')
    .option('--fresh', 'empty that directory first')
    .option('--roles <roles>', `only these: ${roles.join(',')}`, listOf(roles))
    .option('--docker', 'collect from the Docker daemon of this machine')
    .option('--root <dir>', "with --docker: Docker's directory of containers", dockerRoot)
    .option('--socket <path>', "with --docker: Docker's socket", dockerSocket)
    .option('--tail <glob>', 'collect these files; may be repeated', collected)
    .option('--service <name>', 'service of the files of --tail (default: host)')
    .option('--port <port>', 'port of the page; 0 takes a free one', wholeNumber(0, 65_535))
    .action(async (options: RunOptions) => {
      if (options.service !== undefined && !options.tail) {
        throw misuse('--service names the service of the files of --tail', 'add --tail GLOB')
      }
      const overrides = overridesOf(options)
      const load = () => loadUsable(configFile(options.config), io.env, overrides, checks)
      const { settings, badRules } = load()
      tellBad(badRules, io)
      const startOptions = {
        roles: options.roles ?? roles,
        fresh: options.fresh ?? false,
        badRules,
      }
      let off: (() => void) | undefined
      await untilStopped(
        io,
        (stopping) => start(settings, { ...startOptions, stopping }),
        (running) => {
          const { url } = running
          off = io.onReload?.(() => void reload(running, load, io))
          io.out(`mesoscope: ${url ? `${url}, ` : ''}data in ${settings.data}\n`)
        },
      )
      off?.()
    })
}

/** SIGHUP: the file is read again, and its rules are used from now on; one that cannot be used changes nothing. */
async function reload(running: Running, load: () => ReturnType<typeof loadUsable>, io: Io) {
  try {
    const { settings, badRules } = load()
    tellBad(badRules, io)
    const told = await running.reload?.(settings, badRules)
    io.err(`mesoscope: ${harmless(told ?? 'nothing here can be reloaded')}\n`)
  } catch (error) {
    if (error instanceof SettingsTrouble) running.refuseReload?.(error.faults)
    report(error, io, false)
    io.err('mesoscope: the settings were not reloaded; those from before are in use\n')
  }
}

/** One bad rule stops no other. */
function tellBad(badRules: readonly BadRule[], io: Io): void {
  for (const { faults } of badRules) for (const fault of faults) io.err(`${harmless(fault)}\n`)
  if (badRules.length > 0) {
    io.err(`mesoscope: set aside for these faults: ${badRules.map(named).join(', ')}\n`)
  }
}

const named = ({ alert }: BadRule) => (alert === undefined ? 'a rule or signal' : harmless(alert))

/** The options as settings, to be laid over those of the file. */
function overridesOf({ data, port, docker, root, socket, tail, service }: RunOptions): Overrides {
  return {
    data,
    listen: port === undefined ? undefined : { port },
    collectors: {
      docker: docker ? [{ root, socket }] : undefined,
      files: tail ? [{ paths: tail, service }] : undefined,
    },
  }
}
