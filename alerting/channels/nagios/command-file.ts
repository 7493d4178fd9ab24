import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { errorCode, explain, Trouble } from '../../../pipeline/errors.ts'
import { cutBytes } from './output.ts'
import type { CheckResult } from './packet.ts'

/** What the kernel writes into a pipe in one piece (PIPE_BUF of Linux): longer lines could mix with those of others. */
const maxLineBytes = 4096

/**
 * The external command that hands in a result, with its line break. Host and service must be clean names already
 * (`cleanName`); what the output holds ends no command: its line breaks are escaped, its backslashes doubled, as
 * Nagios undoes it; what is too long is cut.
 */
export function commandLine({ host, service, code, output }: CheckResult, nowMs: number): string {
  const about =
    service === undefined
      ? `PROCESS_HOST_CHECK_RESULT;${host}`
      : `PROCESS_SERVICE_CHECK_RESULT;${host};${service}`
  const beginning = `[${Math.floor(nowMs / 1000)}] ${about};${code};`
  const room = maxLineBytes - Buffer.byteLength(beginning) - 1
  return `${beginning}${wholeEscapes(cutBytes(escapeOutput(output), room))}\n`
}

function escapeOutput(output: string): string {
  return output.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

/** Without the backslash whose second half was cut off. */
function wholeEscapes(text: string): string {
  let backslashes = 0
  while (text.at(-1 - backslashes) === '\\') backslashes++
  return backslashes % 2 === 0 ? text : text.slice(0, -1)
}

/**
 * Writes commands into the pipe that Nagios (or Icinga) reads, each in one piece. Never waits for a reader. Rejects with
 * a Trouble: retryable, but where the path is no pipe.
 */
export async function writeCommands(path: string, lines: readonly string[]): Promise<void> {
  const pipe = await openPipe(path)
  try {
    for (const line of lines) await pipe.write(line)
  } catch (error) {
    const full =
      errorCode(error) === 'EAGAIN' ? 'it is full: Nagios does not read it' : explain(error)
    throw new Trouble(`command file ${path}: ${full}`, { retryable: true, cause: error })
  } finally {
    await pipe.close()
  }
}

async function openPipe(path: string): Promise<FileHandle> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw new Trouble(`command file ${path}: ${whyNot(error)}`, { retryable: true, cause: error })
  }
  if ((await file.stat()).isFIFO()) return file
  await file.close()
  throw new Trouble(`command file ${path} is no named pipe`, {
    remedy: 'remove it and start Nagios again, which makes the pipe',
  })
}

function whyNot(error: unknown): string {
  switch (errorCode(error)) {
    case 'ENXIO':
      return 'nobody reads it: Nagios does not run'
    case 'ENOENT':
      return 'it is not there: Nagios does not run, or check_external_commands is off'
    case 'EACCES':
      return 'it may not be written: this user has to be in its group'
    default:
      return explain(error)
  }
}
