import { readFileSync } from 'node:fs'
import { isoToNs, type Stream } from '../../pipeline/event.ts'
import type { DockerContainer } from './model.ts'

/** A record of a container's log, as the API hands it out. */
export interface LogRecord {
  stream: Stream
  /** With the newline, where the line ended. */
  line: Buffer
  timeNs: bigint
}

/**
 * The records of all files of a log, the oldest first; `tail`: only that many of the last. Docker stops in silence at a
 * record that is damaged, and so does this.
 */
export function readLog(container: DockerContainer, tail: number | undefined): LogRecord[] {
  const lines = container.logFiles().flatMap(readLines)
  const wanted = tail === undefined ? lines : lines.slice(Math.max(0, lines.length - tail))
  const records: LogRecord[] = []
  for (const line of wanted) {
    const record = parse(line)
    if (!record) break
    records.push(record)
  }
  return records
}

/** Without what stands behind the last newline: that record is not whole yet. */
function readLines(path: string): string[] {
  try {
    const text = readFileSync(path, 'utf8')
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .slice(0, -1)
  } catch {
    // Rotated away.
    return []
  }
}

function parse(line: string): LogRecord | undefined {
  try {
    const { log, stream, time } = JSON.parse(line) as Record<string, unknown>
    if (typeof log !== 'string' || typeof time !== 'string') return undefined
    if (stream !== 'stdout' && stream !== 'stderr') return undefined
    const timeNs = isoToNs(time)
    return timeNs === undefined ? undefined : { stream, line: Buffer.from(log), timeNs }
  } catch {
    return undefined
  }
}
