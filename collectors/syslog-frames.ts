/**
 * Syslog messages in the bytes of a connection (RFC 6587): each either behind its length (`17 <13>…`) or ended by a newline; both
 * may come over one connection.
 */
export interface SyslogFrames {
  /** The messages that end in this chunk. */
  push(chunk: Buffer): Buffer[]
  /** What is left when the connection ends: a message without its end. */
  rest(): Buffer | undefined
}

/** A counted message is announced by at most so many digits. */
const maxDigits = 8
const newline = 10
const space = 32

/** A message longer than `maxBytes` is given in pieces. */
export function openSyslogFrames(maxBytes: number): SyslogFrames {
  let waiting: Buffer = Buffer.alloc(0)

  /** The end of the message at `at`, where the next one begins, and where its text begins; undefined before it has come. */
  function frameAt(at: number): { from: number; to: number; next: number } | undefined {
    const counted = countAt(waiting, at)
    if (counted === 'more') return undefined
    if (counted) {
      const to = Math.min(counted.from + counted.length, counted.from + maxBytes)
      if (to > waiting.length) return undefined
      return { from: counted.from, to, next: to }
    }
    const end = waiting.indexOf(newline, at)
    if (end >= 0 && end - at <= maxBytes) return { from: at, to: end, next: end + 1 }
    const to = at + maxBytes
    return to > waiting.length ? undefined : { from: at, to, next: to }
  }

  return {
    push(chunk) {
      waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk])
      const messages: Buffer[] = []
      let at = 0
      for (let frame = frameAt(at); frame; frame = frameAt(at)) {
        messages.push(trimmed(waiting.subarray(frame.from, frame.to)))
        at = frame.next
        if (at >= waiting.length) break
      }
      waiting = waiting.subarray(at)
      return messages.filter((message) => message.length > 0)
    },
    rest() {
      const left = trimmed(waiting)
      waiting = Buffer.alloc(0)
      return left.length > 0 ? left : undefined
    },
  }
}

/** The announced length of a message; `more` where that has not come whole; undefined where none is announced. */
function countAt(bytes: Buffer, at: number) {
  let length = 0
  for (let i = 0; i <= maxDigits; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return i > 0 ? ('more' as const) : undefined
    // A text may begin with digits: of a message behind its length the priority follows.
    if (byte === space && i > 0) {
      const next = bytes[at + i + 1]
      if (next === undefined) return 'more' as const
      return next === 0x3c ? { length, from: at + i + 1 } : undefined
    }
    if (byte < 0x30 || byte > 0x39) return undefined
    length = length * 10 + byte - 0x30
  }
  return undefined
}

/** Without the newline and NUL that some senders put at its end. */
function trimmed(message: Buffer): Buffer {
  let end = message.length
  while (end > 0 && [0, newline, 13].includes(message[end - 1] as number)) end--
  return message.subarray(0, end)
}
