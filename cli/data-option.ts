import { existsSync, readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { dataDirectory } from '../config/load.ts'
import type { CommandContext } from './parts.ts'
import { errorCode } from '../pipeline/errors.ts'
import type { Address } from './api.ts'
import { misuse } from './report.ts'
import { openRemote, openSource, type Source } from './source.ts'

export const defaultConfig = 'mesoscope.yaml'

/** The settings file to use: the named one, else `mesoscope.yaml` here if there is one. */
export function configFile(named: string | undefined): string | undefined {
  return named ?? (existsSync(defaultConfig) ? defaultConfig : undefined)
}

export interface DataOptions {
  data?: string
  config?: string
  url?: string
  tokenFile?: string
}

/** Where the commands read: of the process or store of a directory, or of a Mesoscope elsewhere. */
export function addDataOptions(command: Command): Command {
  return addDirectoryOptions(command)
    .option('--url <address>', 'ask the Mesoscope there instead (or MESOSCOPE_URL)')
    .option('--token-file <file>', 'its token is the content of this file (or MESOSCOPE_TOKEN)')
}

/** `--data` and `--config` alone. */
export function addDirectoryOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'data directory (default: `data` of the settings, .mesoscope)')
    .option('--config <file>', `settings file that names it (default: ${defaultConfig}, if here)`)
}

export function dataOf({ data, config }: DataOptions, { io }: CommandContext): string {
  return data ?? dataDirectory(configFile(config), io.env)
}

/** The Mesoscope elsewhere that is meant; undefined where it is that of a directory. */
export function remoteOf(options: DataOptions, { io }: CommandContext): Address | undefined {
  // A directory that is named counts more than the environment.
  const fromEnv = options.data === undefined ? io.env['MESOSCOPE_URL'] : undefined
  const url = options.url ?? (fromEnv === '' ? undefined : fromEnv)
  if (url === undefined) return undefined
  if (!/^https?:\/\/[^/@]+\/?$/.test(url) || !URL.canParse(url)) {
    throw misuse(
      `"${url.slice(0, 200)}" is no address of a Mesoscope`,
      'write https://mesoscope.example.org',
    )
  }
  const token = tokenOf(options, io.env)
  return { url: url.replace(/\/$/, ''), ...(token === undefined ? {} : { token }) }
}

/** Not an option: whoever lists processes would see it. */
function tokenOf({ tokenFile }: DataOptions, env: CommandContext['io']['env']): string | undefined {
  if (tokenFile === undefined) return env['MESOSCOPE_TOKEN'] || undefined
  try {
    return readFileSync(tokenFile, 'utf8').trim() || undefined
  } catch (error) {
    throw misuse(`cannot read the token in ${tokenFile} (${errorCode(error) ?? String(error)})`)
  }
}

/** Reads from the running process or its store and closes it in any case. */
export async function withSource<T>(
  options: DataOptions,
  context: CommandContext,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  const remote = remoteOf(options, context)
  const source = remote
    ? await openRemote(remote)
    : await openSource(dataOf(options, context), context)
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}
