import { wallClock } from '../pipeline/clock.ts'
import { errorCode } from '../pipeline/errors.ts'
import type { Io } from './parts.ts'

const stopSignals = ['SIGINT', 'SIGTERM'] as const

/** The terminal of this process. */
export function processIo(): Io {
  process.stdout.on('error', leaveIfPipeEnded)
  process.stderr.on('error', leaveIfPipeEnded)
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    colors: process.stdout.isTTY && !process.env['NO_COLOR'],
    ...(process.stdout.isTTY ? { columns: process.stdout.columns } : {}),
    env: process.env,
    clock: wallClock,
    onStop(listener) {
      for (const signal of stopSignals) process.on(signal, listener)
      return () => {
        for (const signal of stopSignals) process.off(signal, listener)
      }
    },
    onReload(listener) {
      process.on('SIGHUP', listener)
      return () => process.off('SIGHUP', listener)
    },
    exitWith: (code) => {
      process.exitCode = code
    },
    leave: (code) => process.exit(code),
  }
}

/** `mesoscope logs web | head`: the reader has seen enough. */
function leaveIfPipeEnded(error: Error): void {
  if (errorCode(error) === 'EPIPE') process.exit(0)
  throw error
}
