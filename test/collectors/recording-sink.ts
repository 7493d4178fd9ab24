import { decodeDocs, type LogHead } from '../../pipeline/record.ts'
import type { ChangeDoc, DeadLetter, LogDoc } from '../../pipeline/event.ts'
import type { Identity } from '../../pipeline/identity.ts'
import type { Collected, Sink } from '../../collectors/sink.ts'

/** What reached the disk, over any number of lives of a collector. */
export interface Recording {
  lines: (LogDoc & { source: string; lineage: string })[]
  heads: LogHead[]
  changes: Map<string, ChangeDoc>
  dead: Map<string, DeadLetter>
  identities: Identity[]
  /** One a telling, in order. */
  postures: NonNullable<Collected['postures']>
  positions: Map<string, unknown>
  appends: number
}

export function openRecording(): Recording {
  return {
    lines: [],
    heads: [],
    changes: new Map(),
    dead: new Map(),
    identities: [],
    postures: [],
    positions: new Map(),
    appends: 0,
  }
}

/** A sink of one life: after `kill()` (or the n-th append) nothing of it reaches the recording any more. */
export function openRecordingSink(
  recording: Recording,
  killAfter = Infinity,
): Sink & { kill(): void; killed(): boolean } {
  let left = killAfter
  return {
    async append(batch) {
      await new Promise((resolve) => setImmediate(resolve))
      if (left <= 0) return
      left--
      // Through JSON, as on disk.
      record(recording, batch)
    },
    position: (input) => recording.positions.get(input),
    positions: (prefix) => [...recording.positions.keys()].filter((key) => key.startsWith(prefix)),
    kill() {
      left = 0
    },
    killed: () => left <= 0,
  }
}

function record(recording: Recording, batch: Collected): void {
  recording.appends++
  for (const one of batch.records ?? []) {
    recording.heads.push(one.head)
    const { source, lineage } = one.head
    for (const doc of decodeDocs(one)) recording.lines.push({ ...doc, source, lineage })
  }
  for (const change of batch.changes ?? []) recording.changes.set(change['event.id'], change)
  for (const dead of batch.dead ?? []) recording.dead.set(dead['event.id'], dead)
  recording.identities.push(...(batch.identities ?? []))
  recording.postures.push(...(batch.postures ?? []))
  for (const [key, position] of Object.entries(batch.positions ?? {})) {
    if (position === null) recording.positions.delete(key)
    else recording.positions.set(key, JSON.parse(JSON.stringify(position)))
  }
}

/** The messages of one source, by sequence; throws unless the sequences are dense from 0 and the ids unique. */
export function messagesOf(recording: Recording, source: string): string[] {
  const lines = recording.lines.filter((line) => line.source === source)
  lines.forEach((line, index) => {
    if (line['event.sequence'] !== index) {
      throw new Error(`${source}: sequence ${line['event.sequence']} stands at ${index}`)
    }
  })
  const ids = new Set(lines.map((line) => line['event.id']))
  if (ids.size !== lines.length) throw new Error(`${source}: ${lines.length - ids.size} ids twice`)
  return lines.map(({ message }) => message)
}

/** Waits until `condition` holds; fails with `what` when it does not within `ms`. */
export async function until(what: string, condition: () => boolean, ms = 20_000): Promise<void> {
  const end = performance.now() + ms
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
