import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { dataDirectory } from '../config/load.ts'
import type { CommandContext } from './parts.ts'
import { openSource, type Source } from './source.ts'

export const defaultConfig = 'mesoscope.yaml'

/** The settings file to use: the named one, else `mesoscope.yaml` here if there is one. */
export function configFile(named: string | undefined): string | undefined {
  return named ?? (existsSync(defaultConfig) ? defaultConfig : undefined)
}

export interface DataOptions {
  data?: string
  config?: string
}

/** `--data` and `--config` of the commands that read what a process collects. */
export function addDataOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'data directory (default: `data` of the settings, .mesoscope)')
    .option('--config <file>', `settings file that names it (default: ${defaultConfig}, if here)`)
}

export function dataOf({ data, config }: DataOptions, { io }: CommandContext): string {
  return data ?? dataDirectory(configFile(config), io.env)
}

/** Reads from the running process or its store and closes it in any case. */
export async function withSource<T>(
  options: DataOptions,
  context: CommandContext,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  const source = await openSource(dataOf(options, context), context)
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}
