import { isoToMs, type Level, type LogDoc } from '../pipeline/event.ts'
import { identityFields } from '../pipeline/identity.ts'
import { harmless, harmlessJson, harmlessLines } from './harmless.ts'
import { formatMoment } from './moment.ts'

export interface LineStyle {
  colors: boolean
  utc: boolean
  json: boolean
}

const colorOf: Partial<Record<Level, number>> = {
  fatal: 35,
  error: 31,
  warn: 33,
  info: 32,
  debug: 36,
  trace: 90,
}

/** One event for the terminal: time, level, short task, message; with `json` the document. Ends with a newline. */
export function formatLine(doc: LogDoc, { colors, utc, json }: LineStyle): string {
  if (json) return `${harmlessJson(doc)}\n`
  const { '@timestamp': time, 'log.level': level, message } = doc
  const padded = harmless(level === 'unknown' ? '-' : level).padEnd(5)
  const color = colors ? colorOf[level] : undefined
  const shown = color === undefined ? padded : `\u001b[${color}m${padded}\u001b[0m`
  const moment = formatMoment(isoToMs(time), utc)
  return `${moment} ${shown} ${taskOf(doc)} ${harmlessLines(message, '    ')}\n`
}

function taskOf(doc: LogDoc): string {
  const { task, containerName, container } = identityFields
  const name = doc[task] ?? doc[containerName] ?? doc[container]
  return typeof name === 'string' && name !== '' ? harmless(shortTask(name)) : '-'
}

const uuid =
  /[._-]([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:\.[^.]+\.(\d+)$)?/i

/**
 * Enough of a task's id to tell it from its siblings: the first digits of the UUID that Marathon puts in, of a
 * container's id, or the name itself, its beginning cut. Marathon keeps the UUID where it starts an instance again and
 * counts: the second is `6de55469.2`.
 */
export function shortTask(task: string): string {
  const [, marathon, start = '1'] = uuid.exec(task) ?? []
  if (marathon) return start === '1' ? marathon : `${marathon}.${start}`
  if (/^[0-9a-f]{64}$/.test(task)) return task.slice(0, 12)
  return task.length > 24 ? `…${task.slice(-23)}` : task
}
