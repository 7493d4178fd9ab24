import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../pipeline/clock.ts'
import type { Stream } from '../pipeline/event.ts'
import { jsonFileRecord, type Piece } from './json-record.ts'
import { openRotating, type RotatingFile } from './rotating-file.ts'

/** Docker cuts longer lines in records of this size. */
const pieceBytes = 16_384
const newline = 0x0a

export interface JsonFileOptions {
  /** The folder of all containers; the log is `<dir>/<id>/<id>-json.log`. */
  dir: string
  id: string
  /** Docker's `max-size` in bytes: a file that has reached it is rotated before the next record. */
  maxSize: number
  /** Docker's `max-file`. Docker 20.10 keeps `.1` also where it is 1. */
  maxFile: number
  clock: Clock
  /** Told of each record after it was written. */
  onRecord?(record: Piece): void
}

/** The log of one container, written as Docker's json-file driver writes it. */
export interface JsonFileLog {
  path: string
  /**
   * What the container printed, in chunks as a pipe hands them over: lines are put together per stream.
   * Throws a retryable {@link Trouble} if the disk refuses; the chunk's lines from there on are lost then, as with Docker.
   */
  write(stream: Stream, chunk: Uint8Array): void
  /** The stream is over: an unfinished line is written as it is. */
  end(stream: Stream): void
  close(): void
}

/** A line that is not finished yet. */
interface Open {
  rest: Buffer
  /** Time of the first part of a cut line: all its parts carry it. */
  partTimeNs: bigint | undefined
}

export function openJsonFileLog({
  dir,
  id,
  maxSize,
  maxFile,
  clock,
  onRecord,
}: JsonFileOptions): JsonFileLog {
  mkdirSync(join(dir, id), { recursive: true, mode: 0o710 })
  const path = join(dir, id, `${id}-json.log`)
  const file = openRotating({ path, maxSize, files: Math.max(2, maxFile), mode: 0o640 })
  const appendLines = appender(file)
  const nowNs = nanoseconds(clock)
  const open: Record<Stream, Open> = { stdout: nothing(), stderr: nothing() }

  /** One record for `bytes`; its time is that of the first part where the line was cut. */
  function record(stream: Stream, bytes: Buffer, ended: boolean): Piece {
    const line = open[stream]
    const timeNs = line.partTimeNs ?? nowNs()
    line.partTimeNs = ended ? undefined : timeNs
    return { stream, bytes, ended, timeNs }
  }

  function append(records: Piece[]): void {
    appendLines(records.map(jsonFileRecord))
    if (onRecord) for (const one of records) onRecord(one)
  }

  function write(stream: Stream, chunk: Uint8Array): void {
    const bytes = Buffer.concat([open[stream].rest, chunk])
    const records: Piece[] = []
    let from = 0
    for (;;) {
      const at = bytes.indexOf(newline, from)
      const end = at < 0 ? bytes.length : at
      for (; end - from >= pieceBytes; from += pieceBytes) {
        records.push(record(stream, bytes.subarray(from, from + pieceBytes), false))
      }
      if (at < 0) break
      records.push(record(stream, bytes.subarray(from, at), true))
      from = at + 1
    }
    open[stream].rest = Buffer.from(bytes.subarray(from))
    append(records)
  }

  function end(stream: Stream): void {
    const { rest } = open[stream]
    const records = rest.length > 0 ? [record(stream, rest, false)] : []
    open[stream] = nothing()
    append(records)
  }

  return { path, write, end, close: file.close }
}

function nothing(): Open {
  return { rest: Buffer.alloc(0), partTimeNs: undefined }
}

/** Each file gets the records that start before it is full. */
function appender(file: RotatingFile): (records: string[]) => void {
  return (records) => {
    let next = 0
    while (next < records.length) {
      if (file.room() <= 0) file.rotate()
      const upto = fitting(records, next, file.room())
      file.write(Buffer.from(records.slice(next, upto).join('')))
      next = upto
    }
  }
}

/** How far the records go that start before `room` bytes are full; at least one. */
function fitting(records: string[], first: number, room: number): number {
  let upto = first
  for (let left = room; upto < records.length && left > 0; upto++) {
    left -= Buffer.byteLength(records[upto] as string)
  }
  return Math.max(upto, first + 1)
}

/**
 * The clock's time with the digits below a millisecond taken from the machine's fine timer. Never leaves the
 * clock's own millisecond, so it stands still, jumps and goes forward as the clock does; each time it would,
 * it is set right, and so learns where the clock's milliseconds begin.
 */
function nanoseconds(clock: Clock): () => bigint {
  let offset = 0n
  return () => {
    const from = BigInt(Math.trunc(clock.now())) * 1_000_000n
    const until = from + 999_999n
    const fine = process.hrtime.bigint() + offset
    const within = fine < from ? from : fine > until ? until : fine
    offset += within - fine
    return within
  }
}
