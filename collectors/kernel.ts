import { levels, type Level } from '../pipeline/event.ts'
import { kernelBytes } from './kernel-bytes.ts'

/*
 * The host of `collectors/kernel/` (WebAssembly): rows of records that it found in a chunk, and events that it writes of them.
 * There is one memory for all; what it holds is valid until the next call of `frame`.
 */

/** As much of the standard as is used; Node's types leave it to those of browsers. */
declare const WebAssembly: {
  Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
  Module: new (code: Uint8Array) => object
  Instance: new (module: object, imports: object) => { readonly exports: unknown }
}

interface Exports {
  consumed: { readonly value: number }
  frame(input: number, length: number, table: number, maxRows: number): number
  runAddress(): number
  build(
    input: number,
    table: number,
    first: number,
    count: number,
    out: number,
    room: number,
    enough: number,
  ): number
}

/** Of a row: what is known of its record. */
export const rowFlags = {
  stderr: 1,
  /** Its line has its end. */
  whole: 2,
  /** A word that often stands before secrets is in it, most likely. */
  suspect: 4,
  /** It may begin a stack trace of a special form. */
  special: 8,
  /** It is empty or a whole JSON object. */
  nothingFollows: 16,
  /** It follows no line of plain text. */
  anew: 32,
  /** Not as Docker writes it, up to its newline. */
  odd: 64,
} as const

/** What all events of a run have in common. */
export interface RunParts {
  /** Ids are this, the nanoseconds since the epoch, a colon and the ordinal. */
  idPrefix: string
  /** Between `event.sequence` and the text of the message. */
  streamPart: string
  /** Behind the message. */
  tail: Uint8Array
  /** Of each level, in the order of `levels`: between the time and the id. */
  levelParts: Readonly<Record<Level, string>>
}

export interface RunStart {
  /** Where the numbers go on. */
  sequence: number
  ordinal: number
  /** Nanoseconds of the event before, which `ordinal` belongs to; -1n where there is none. */
  lastNs: bigint
  /** Later seconds are left to others, who know whether they are to be believed. */
  maxSeconds: number
  /** The level of lines that tell none. */
  unsaid: Level
  /** So many events, and so many bytes (or one event more), at most. */
  maxEvents: number
  enoughBytes: number
}

export interface BuiltRun {
  count: number
  /** NDJSON; valid until the next call. */
  bytes: Uint8Array
  /** Where the numbers go on. */
  ordinal: number
  /** Rows of the earliest and the latest event. */
  earliest: number
  latest: number
  levels: Partial<Record<Level, number>>
}

export interface Kernel {
  /** A longer chunk is not taken. */
  maxBytes: number
  /** Rows of the records in [from, to) of the chunk, which ends in a newline; as many as there is room for. */
  frame(chunk: Uint8Array, from: number, to: number): number
  /** How many bytes the rows are. */
  consumed(): number
  /** See {@link rowFlags}. */
  flags(row: number): number
  /** Where its record begins, and where the next one does; from the beginning of the chunk. */
  begin(row: number): number
  next(row: number): number
  /** Of its text. */
  length(row: number): number
  /** Of fixed width. */
  time(row: number): string
  /** JSON-escaped latin1, so many bytes of it at most. */
  text(row: number, most?: number): string
  /** Undefined where it is left to others. */
  level(row: number): Level | undefined
  /** Lets `levelOf` tell the levels that are left to it. */
  tellLevels(first: number, last: number, levelOf: (head: string) => Level): void
  /** Writes the events of rows from `first` to below `last`; few or none where one cannot be written. */
  build(first: number, last: number, parts: RunParts, start: RunStart): BuiltRun
}

/** Where the fields of a row stand in it, as `collectors/kernel/index.ts` declares them. */
const rowFields = {
  begin: 8,
  text: 12,
  stop: 16,
  next: 20,
  fraction: 24,
  digits: 28,
  flags: 32,
  level: 36,
} as const
/** Likewise of a run: what it is given (address and length of each part), and what it tells. */
const runFields = {
  idPrefix: 0,
  streamPart: 8,
  tail: 16,
  levelParts: 24,
  maxSeconds: 80,
  lastNs: 88,
  sequence: 96,
  ordinal: 104,
  unsaid: 108,
  bytes: 112,
  earliest: 116,
  latest: 120,
  counts: 124,
} as const

const inputAt = 64 * 1024
const inputBytes = 1024 * 1024
/** Behind everything that is read: vectors reach beyond the end. */
const margin = 4096
const maxRows = 16_384
const rowBytes = 48
const tableAt = inputAt + inputBytes + margin
const partsAt = tableAt + maxRows * rowBytes
const partsBytes = 256 * 1024
/** What is longer, with all else that stands there, would not fit. */
const maxTail = partsBytes - 16 * 1024
const outAt = partsAt + partsBytes
const outBytes = 1024 * 1024
const pages = Math.ceil((outAt + outBytes + margin) / 65_536)
/** So much of a text tells its level. */
const levelHead = 1024
/** The kernel's word for a level that it leaves to others. */
const notSaid = 255

let opened: Kernel | undefined
let isTried = false

/** The kernel of this thread; undefined where the machine cannot run it. */
export function kernelOfThread(): Kernel | undefined {
  if (isTried) return opened
  isTried = true
  try {
    opened = openKernel(Buffer.from(kernelBytes, 'base64'))
  } catch {
    // Without vectors of 128 bits: lines go the longer way.
  }
  return opened
}

function openKernel(code: Buffer<ArrayBuffer>): Kernel {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const instance = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } })
  const kernel = instance.exports as Exports
  const bytes = Buffer.from(memory.buffer)
  const view = new DataView(memory.buffer)
  const words = new Int32Array(memory.buffer)
  const run = kernel.runAddress()
  let chunkFrom = 0
  let written: RunParts | undefined

  const wordOf = (row: number, at: number) => (tableAt + row * rowBytes + at) >> 2
  const field = (row: number, at: number) => words[wordOf(row, at)] as number
  const told = (name: keyof typeof runFields, index = 0) =>
    view.getInt32(run + runFields[name] + index * 4, true)

  function writeParts(parts: RunParts): void {
    if (parts === written) return
    written = undefined
    let at = partsAt
    const put = (slot: number, part: string | Uint8Array) => {
      const length = typeof part === 'string' ? bytes.write(part, at, 'latin1') : part.length
      if (typeof part !== 'string') bytes.set(part, at)
      view.setUint32(run + slot, at, true)
      view.setUint32(run + slot + 4, length, true)
      at += length
    }
    put(runFields.idPrefix, parts.idPrefix)
    put(runFields.streamPart, parts.streamPart)
    put(runFields.tail, parts.tail)
    levels.forEach((level, index) => put(runFields.levelParts + index * 8, parts.levelParts[level]))
    written = parts
  }

  function time(row: number): string {
    const at = inputAt + field(row, rowFields.fraction)
    const digits = field(row, rowFields.digits)
    return `${bytes.toString('latin1', at - 20, at + digits)}${zeros.slice(digits)}Z`
  }

  function text(row: number, most = Infinity): string {
    const from = inputAt + field(row, rowFields.text)
    return bytes.toString(
      'latin1',
      from,
      Math.min(inputAt + field(row, rowFields.stop), from + most),
    )
  }

  return {
    maxBytes: inputBytes,
    frame(chunk, from, to) {
      chunkFrom = from
      bytes.set(chunk.subarray(from, to), inputAt)
      return kernel.frame(inputAt, to - from, tableAt, maxRows)
    },
    consumed: () => kernel.consumed.value,
    flags: (row) => field(row, rowFields.flags),
    begin: (row) => chunkFrom + field(row, rowFields.begin),
    next: (row) => chunkFrom + field(row, rowFields.next),
    length: (row) => field(row, rowFields.stop) - field(row, rowFields.text),
    time,
    text,
    level: (row) => levels[field(row, rowFields.level)],
    tellLevels(first, last, levelOf) {
      for (let row = first; row < last; row++) {
        if (field(row, rowFields.level) !== notSaid) continue
        words[wordOf(row, rowFields.level)] = levels.indexOf(levelOf(text(row, levelHead)))
      }
    },
    build(first, last, parts, start) {
      if (parts.tail.length > maxTail) return nothing
      writeParts(parts)
      view.setBigInt64(run + runFields.maxSeconds, BigInt(start.maxSeconds), true)
      view.setBigInt64(run + runFields.lastNs, start.lastNs, true)
      view.setBigInt64(run + runFields.sequence, BigInt(start.sequence), true)
      view.setInt32(run + runFields.ordinal, start.ordinal, true)
      view.setInt32(run + runFields.unsaid, levels.indexOf(start.unsaid), true)
      const most = Math.min(last - first, start.maxEvents)
      const count = kernel.build(inputAt, tableAt, first, most, outAt, outBytes, start.enoughBytes)
      const counts = levels.flatMap((level, index): [Level, number][] => {
        const events = told('counts', index)
        return events > 0 ? [[level, events]] : []
      })
      return {
        count,
        bytes: bytes.subarray(outAt, outAt + told('bytes')),
        ordinal: told('ordinal'),
        earliest: told('earliest'),
        latest: told('latest'),
        levels: Object.fromEntries(counts),
      }
    },
  }
}

const zeros = '000000000'
const nothing: BuiltRun = {
  count: 0,
  bytes: new Uint8Array(),
  ordinal: 0,
  earliest: 0,
  latest: 0,
  levels: {},
}
