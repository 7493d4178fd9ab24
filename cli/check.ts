import { loadSettings } from '../config/load.ts'
import { configFile, defaultConfig } from './data-option.ts'
import type { AddCommand, CommandContext } from './parts.ts'
import { misuse } from './report.ts'

export const addCheck: AddCommand = (program, context) => {
  program
    .command('check')
    .description('everything that is wrong with a settings file, with file, line and path')
    .argument('[file]', `the file (default: ${defaultConfig}, if here)`)
    .action((named: string | undefined) => checkSettings(named, context))
}

/** Tells what a settings file declares; throws all its faults. */
export function checkSettings(named: string | undefined, { io, checks }: CommandContext): void {
  const file = configFile(named)
  if (file === undefined) {
    throw misuse(`there is no ${defaultConfig} here`, 'name the file: mesoscope check FILE')
  }
  const { settings } = loadSettings(file, io.env, {}, checks)
  const collectors = Object.values(settings.collectors).map((one) =>
    Array.isArray(one) ? one.length : 0,
  )
  const counts = [
    counted(
      collectors.reduce((sum, count) => sum + count, 0),
      'collector',
    ),
    counted(Object.keys(settings.signals).length, 'signal'),
    counted(settings.alerts.length, 'alert'),
  ]
  io.out(`${file}: ok (${counts.join(', ')})\n`)
}

const counted = (count: number, name: string) => `${count} ${name}${count === 1 ? '' : 's'}`
