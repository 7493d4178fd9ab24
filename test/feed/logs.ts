import { existsSync, readFileSync } from 'node:fs'
import { openDockerFile } from '../../collectors/docker-file.ts'
import { openPlainFile } from '../../collectors/plain-file.ts'
import type { Input } from '../../collectors/pump.ts'
import type { Collected } from '../../collectors/sink.ts'
import type { LogDoc } from '../../pipeline/event.ts'
import { decodeDocs } from '../../pipeline/record.ts'
import type { Understood } from './understood.ts'

const shared = {
  key: 'feed',
  identity: { agent: 'somewhere' },
  position: undefined,
  maxEventBytes: 256 * 1024,
  multiline: true,
  redactor: { scan: () => [], redact: (text: string) => text },
  onBytes: () => {},
}

/** Docker's own record first; others that write the same form have another order, or spaces. */
export function isJsonFile(bytes: Buffer): boolean {
  if (bytes.toString('latin1', 0, 8) === '{"log":"') return true
  const [first = ''] = bytes
    .toString('utf8', 0, 100_000)
    .replace(/^\uFEFF/, '')
    .split('\n', 1)
  if (!first.startsWith('{') || !/"log" ?:/.test(first)) return false
  return parse(first) !== undefined
}

/** Reads a file to its end as its collector does, through its framing, joining and levels. */
export async function readLogFile(path: string): Promise<Understood> {
  const isOfDocker = isJsonFile(readFileSync(path))
  const input = isOfDocker
    ? openDockerFile({ ...shared, path, container: 'f'.repeat(64) })
    : openPlainFile({ ...shared, path, history: false })
  const { docs, dead, changes } = await drain(input)
  const events = docs.map(({ message }) => message)
  const lines = nonBlank(events.join('\n'))
  const there = isOfDocker ? linesOfJsonFile(path) : nonBlank(readFileSync(path, 'utf8'))
  return {
    counts: {
      lines: events.join('\n').split('\n').length * Number(events.length > 0),
      events: docs.length,
    },
    problems: [
      ...dead.map(({ origin, reason }) => ({
        path: origin.slice(path.lastIndexOf('/') + 1),
        problem: reason,
      })),
      ...changes.map((change) => ({ path: change['event.kind'], problem: change.message })),
    ],
    // Blank lines at the end of a stack trace are no loss.
    listed: { there, read: lines },
    words: levelsOf(docs) + (isCut(path, isOfDocker) ? ', the last record is not finished' : ''),
  }
}

async function drain(input: Input) {
  const buffer = Buffer.allocUnsafe(1024 * 1024)
  const all: Required<Pick<Collected, 'records' | 'dead' | 'changes'>> = {
    records: [],
    dead: [],
    changes: [],
  }
  let nowMs = Date.UTC(2026, 10, 22)
  // A last line without its end is taken after a while.
  for (let idle = 0; idle < 3; nowMs += 2000) {
    const more = await input.read(buffer, nowMs)
    const { records = [], dead = [], changes = [] } = input.take(nowMs, true) ?? {}
    all.records.push(...records)
    all.dead.push(...dead)
    all.changes.push(...changes)
    idle = more ? 0 : idle + 1
  }
  input.close()
  return {
    ...all,
    docs: all.records.flatMap(decodeDocs),
  }
}

const nonBlank = (text: string) => text.split(/\r?\n/).filter((line) => line.trim() !== '').length

/** By Docker's own rule: a text that ends with a newline ends a line; of the rotated files, too. */
function linesOfJsonFile(path: string): number {
  let lines = 0
  const open = new Map<string, string>()
  for (const part of parts(path)) {
    // What comes behind the last newline is not finished: it is waited for.
    for (const record of readFileSync(part, 'utf8').split('\n').slice(0, -1)) {
      const parsed = parse(record)
      if (!parsed) {
        // It becomes a dead letter.
        if (record !== '') lines++
        continue
      }
      const text = (open.get(parsed.stream) ?? '') + parsed.log
      open.set(parsed.stream, text.endsWith('\n') ? '' : text)
      if (text.endsWith('\n')) lines += nonBlank(text)
    }
  }
  return lines + [...open.values()].filter((text) => text.trim() !== '').length
}

const isCut = (path: string, isOfDocker: boolean) =>
  isOfDocker && !readFileSync(path, 'latin1').endsWith('\n')

function parts(path: string): string[] {
  const rotated = Array.from({ length: 20 }, (_, n) => `${path}.${n + 1}`)
  return [...rotated.filter((other) => existsSync(other)).toReversed(), path]
}

function parse(record: string): { log: string; stream: string } | undefined {
  try {
    const parsed = JSON.parse(record.replace(/^\uFEFF/, '')) as Record<string, unknown> | null
    const { log, stream, time } = parsed ?? {}
    const isRecord = typeof log === 'string' && typeof time === 'string'
    return isRecord ? { log, stream: String(stream) } : undefined
  } catch {
    return undefined
  }
}

function levelsOf(docs: readonly LogDoc[]): string {
  const byLevel = Map.groupBy(docs, (doc) => doc['log.level'])
  return [...byLevel].map(([level, { length }]) => `${length} ${level}`).join(' ') || 'no levels'
}
