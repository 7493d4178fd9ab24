import { loadSettings, type Overrides } from '../config/load.ts'
import { collected, listOf, wholeNumber } from './arguments.ts'
import { configFile, defaultConfig } from './data-option.ts'
import { roles, type AddCommand, type Role } from './parts.ts'
import { misuse } from './report.ts'
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
      const { settings } = loadSettings(configFile(options.config), io.env, overrides, checks)
      const startOptions = { roles: options.roles ?? roles, fresh: options.fresh ?? false }
      await untilStopped(
        io,
        (stopping) => start(settings, { ...startOptions, stopping }),
        ({ url }) => io.out(`mesoscope: ${url ? `${url}, ` : ''}data in ${settings.data}\n`),
      )
    })
}

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
