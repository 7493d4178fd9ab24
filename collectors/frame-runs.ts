import { isUtf8 } from 'node:buffer'
import type { Stream } from '../pipeline/event.ts'
import { frameJsonFile, maxRecordBytes, type JsonFileHandlers } from './frame.ts'
import { kernelOfThread, rowFlags, type Kernel } from './kernel.ts'

/** Rows of ordinary lines of one stream, one behind the other. */
export interface Run {
  kernel: Kernel
  stream: Stream
  /** The rows [first, last). */
  first: number
  last: number
}

export interface RunHandlers extends JsonFileHandlers {
  /**
   * A run of lines that are events of their own, if none is held that goes on in the first one. Returns how many were
   * taken, from the first on; the next one then comes as a line, and after it the rest.
   */
  run(run: Run): number
}

/**
 * Frames as {@link frameJsonFile} does, and gives ordinary lines in runs: whole, at most `maxLineBytes` long, without
 * words that stand before secrets, followed by a line that begins anew.
 */
export function frameRuns(
  chunk: Buffer,
  handlers: RunHandlers,
  maxLineBytes: number,
  maxBytes: number = maxRecordBytes,
): number {
  const kernel = kernelOfThread()
  const end = chunk.lastIndexOf(10) + 1
  if (!kernel || end === 0 || end > kernel.maxBytes || !isForKernel(chunk, end, handlers)) {
    return frameJsonFile(chunk, handlers, maxBytes)
  }
  for (let from = 0; from < end; from += kernel.consumed()) {
    const rows = kernel.frame(chunk, from, end)
    walk({ kernel, rows, chunk, handlers, maxLineBytes })
  }
  return end
}

/** Where every line is to be looked at, and where bytes are to be replaced, there is nothing to gain. */
function isForKernel(chunk: Buffer, end: number, { scan }: RunHandlers): boolean {
  return scan('') !== 'every' && isUtf8(chunk.subarray(0, end))
}

interface Rows {
  kernel: Kernel
  rows: number
  chunk: Buffer
  handlers: RunHandlers
  maxLineBytes: number
}

function walk(all: Rows): void {
  const { kernel, rows, handlers } = all
  let runEnd = 0
  for (let row = 0; row < rows;) {
    if (kernel.flags(row) & rowFlags.odd) {
      row = giveOdd(all, row)
      continue
    }
    if (row >= runEnd) runEnd = endOfRun(all, row)
    const stream = streamOf(kernel, row)
    const taken = runEnd > row ? handlers.run({ kernel, stream, first: row, last: runEnd }) : 0
    row += taken
    if (taken > 0 && row === runEnd) continue
    giveLine(all, row)
    row++
  }
}

const streamOf = (kernel: Kernel, row: number): Stream =>
  kernel.flags(row) & rowFlags.stderr ? 'stderr' : 'stdout'

/** Behind the ordinary lines of one stream from `row` on. */
function endOfRun({ kernel, rows, maxLineBytes }: Rows, row: number): number {
  const stream = kernel.flags(row) & rowFlags.stderr
  let at = row
  for (; at < rows; at++) {
    const flags = kernel.flags(at)
    if ((flags & ordinaryMask) !== (rowFlags.whole | stream)) break
    if (kernel.length(at) > maxLineBytes) break
    if (flags & rowFlags.nothingFollows) continue
    const next = at + 1 < rows ? kernel.flags(at + 1) : 0
    if ((next & anewMask) !== (rowFlags.whole | rowFlags.anew | stream)) break
  }
  return at
}

const { stderr, whole, suspect, special, anew, odd } = rowFlags
const ordinaryMask = stderr | whole | suspect | special | odd
const anewMask = stderr | whole | anew | odd

function giveLine({ kernel, handlers }: Rows, row: number): void {
  const flags = kernel.flags(row)
  const text = kernel.text(row)
  handlers.line(
    streamOf(kernel, row),
    kernel.time(row),
    text,
    (flags & whole) !== 0,
    (flags & suspect) !== 0 && handlers.scan(text).length > 0,
    kernel.begin(row),
    kernel.next(row),
  )
}

/** Neighbours go together, so that a file of garbage is told in few. */
function giveOdd({ kernel, rows, chunk, handlers }: Rows, row: number): number {
  let last = row
  while (last + 1 < rows && kernel.flags(last + 1) & odd) last++
  const from = kernel.begin(row)
  frameJsonFile(chunk.subarray(from, kernel.next(last)), {
    scan: handlers.scan,
    line(stream, time, escaped, complete, isSuspect, begin, end) {
      handlers.line(stream, time, escaped, complete, isSuspect, from + begin, from + end)
    },
    bad: (begin, end, reason) => handlers.bad(from + begin, from + end, reason),
  })
  return last + 1
}
