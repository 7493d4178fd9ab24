import { pino, type Logger } from 'pino'

export type { Logger }

/** The program's own structured log, JSON lines on stderr; never holds secrets or collected log content. */
export function openLog(level: string): Logger {
  return pino(
    { level, base: { program: 'mesoscope' }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination(2),
  )
}

export const silentLog: Logger = pino({ level: 'silent' })
