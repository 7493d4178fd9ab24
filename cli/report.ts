import { CommanderError } from 'commander'
import { SettingsTrouble } from '../config/faults.ts'
import { explain, Trouble } from '../pipeline/errors.ts'
import { harmless } from './harmless.ts'
import type { Io } from './parts.ts'

/** What the exit code says; the same for every command. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  misuse: 2,
  nothing: 3,
} as const

export const exitCodeHelp = `
Exit codes: 0 done; 1 it failed; 2 wrong use or wrong settings; 3 nothing found.`

/** A Trouble that has its own exit code. */
interface Failure extends Trouble {
  exitCode: number
}

export function failure(exitCode: number, message: string, remedy?: string): Failure {
  return Object.assign(new Trouble(message, remedy === undefined ? {} : { remedy }), { exitCode })
}

export const misuse = (message: string, remedy?: string) =>
  failure(exitCodes.misuse, message, remedy)

export const nothing = (message: string, remedy?: string) =>
  failure(exitCodes.nothing, message, remedy)

/** Tells what went wrong in one line (all faults of a settings file: one line each) and returns the exit code. */
export function report(error: unknown, io: Io, debug: boolean): number {
  // Commander has told it already.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.misuse
  }
  if (error instanceof SettingsTrouble) {
    // Without our name in front: editors jump to `file:line:`.
    for (const fault of error.faults) io.err(`${harmless(fault)}\n`)
    io.err(`mesoscope: ${counted(error.faults.length)} in the settings\n`)
  } else io.err(`mesoscope: ${harmless(sentence(error))}\n`)
  if (debug && error instanceof Error) io.err(`${stacks(error)}\n`)
  return exitCodeOf(error)
}

const counted = (count: number) => (count === 1 ? 'one fault' : `${count} faults`)

function sentence(error: unknown): string {
  if (error instanceof Trouble) return explain(error)
  return `${explain(error)}: this is a mistake in Mesoscope; --debug shows where`
}

/** Messages may hold log content or what a server answered. */
function stacks(error: Error): string {
  const lines = (error.stack ?? '').split('\n').map(harmless)
  if (error.cause instanceof Error) lines.push(`caused by ${stacks(error.cause)}`)
  return lines.join('\n')
}

function exitCodeOf(error: unknown): number {
  if (error instanceof SettingsTrouble) return exitCodes.misuse
  const code = (error as { exitCode?: unknown } | null)?.exitCode
  return typeof code === 'number' ? code : exitCodes.failed
}
