import type { Stream } from '../pipeline/event.ts'

/**
 * One piece of a container's log as the API sends it with timestamps: a line, or 16 KiB of one. `content` still has
 * its newline, if the piece ends the line. `time` has fixed width.
 */
export type OnPiece = (stream: Stream, time: string, content: Buffer) => void

/** Takes the body's bytes as they come, cut anywhere. */
export interface Deframer {
  push(bytes: Buffer): void
  /** The body is over: what is left is the last piece. */
  end(): void
}

export interface DeframerOptions {
  /** The container has a terminal: one raw stream without headers. */
  tty: boolean
  onPiece: OnPiece
  onBad(bytes: Buffer, reason: string): void
}

export function openDeframer(options: DeframerOptions): Deframer {
  return options.tty ? openRaw(options) : openMultiplexed(options)
}

const headerBytes = 8
/** Docker's frames are below 17 KiB; a "length" beyond this is something else's bytes. */
const maxFrameBytes = 16 * 1024 * 1024

/** Frames of an 8-byte header (stream, three zeros, big-endian length) and a payload. */
function openMultiplexed({ onPiece, onBad }: DeframerOptions): Deframer {
  let rest: Buffer = Buffer.alloc(0)
  return {
    push(bytes) {
      const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
      let at = 0
      while (all.length - at >= headerBytes) {
        const kind = all[at] as number
        const length = all.readUInt32BE(at + 4)
        if (kind > 3 || all.readUIntBE(at + 1, 3) !== 0 || length > maxFrameBytes) {
          rest = Buffer.alloc(0)
          return onBad(all.subarray(at), 'not a multiplexed log stream')
        }
        const end = at + headerBytes + length
        if (end > all.length) break
        const payload = all.subarray(at + headerBytes, end)
        if (kind === 3) onBad(payload, 'an error of the Docker daemon')
        else onPayload(kind === 2 ? 'stderr' : 'stdout', payload, onPiece, onBad)
        at = end
      }
      rest = Buffer.from(all.subarray(at))
    },
    end() {
      if (rest.length > 0) onBad(rest, 'a frame that was never finished')
      rest = Buffer.alloc(0)
    },
  }
}

/** Docker cuts lines into pieces of so many bytes. */
const pieceBytes = 16 * 1024

/** An unfinished line longer than this is handed on piece by piece. */
const maxUnfinished = 1024 * 1024

/** Lines that each begin with their time; a longer one has the same time again before every further piece. */
function openRaw({ onPiece, onBad }: DeframerOptions): Deframer {
  let parts: Buffer[] = []
  let unfinished = 0

  /** Hands on the pieces but the last one, which may go on. */
  function withoutLast(line: Buffer): Buffer {
    const stamp = line.subarray(0, line.indexOf(0x20) + 1)
    let from = 0
    for (let next = from; stamp.length > 20 && stamp.length < 40; from = next) {
      next = line.indexOf(stamp, from + stamp.length + pieceBytes)
      if (next === -1) break
      onPayload('stdout', line.subarray(from, next), onPiece, onBad)
    }
    return line.subarray(from)
  }

  function keep(rest: Buffer) {
    parts.push(Buffer.from(rest))
    unfinished += rest.length
    if (unfinished < maxUnfinished) return
    parts = [Buffer.from(withoutLast(Buffer.concat(parts)))]
    unfinished = (parts[0] as Buffer).length
  }

  function finish(last: Buffer) {
    const line = parts.length === 0 ? last : Buffer.concat([...parts, last])
    parts = []
    unfinished = 0
    onPayload('stdout', withoutLast(line), onPiece, onBad)
  }

  return {
    push(bytes) {
      let from = 0
      for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, from)) {
        finish(bytes.subarray(from, at + 1))
        from = at + 1
      }
      if (from < bytes.length) keep(bytes.subarray(from))
    },
    end() {
      if (parts.length > 0) finish(Buffer.alloc(0))
    },
  }
}

function onPayload(
  stream: Stream,
  payload: Buffer,
  onPiece: OnPiece,
  onBad: DeframerOptions['onBad'],
): void {
  const space = payload.indexOf(0x20)
  const time = space < 20 || space > 40 ? undefined : utcTime(payload.toString('latin1', 0, space))
  if (time === undefined) onBad(payload, 'a log line without a time')
  else onPiece(stream, time, payload.subarray(space + 1))
}

/** RFC 3339 with nanoseconds (of any zone: the `local` driver writes the daemon's) as fixed-width UTC. */
function utcTime(text: string): string | undefined {
  if (text.length === 30 && text.endsWith('Z')) return text
  const match = /^(.{19})(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text)
  const ms = match ? Date.parse(`${match[1]}${match[3]}`) : Number.NaN
  if (Number.isNaN(ms)) return undefined
  return `${new Date(ms).toISOString().slice(0, 19)}.${(match?.[2] ?? '').padEnd(9, '0')}Z`
}
