/** Documents one after the other, each an action line and its JSON, both with their newlines. */
export interface Piece {
  bytes: Buffer
  /** Where each of them ends. */
  ends: readonly number[]
}

/** Each document alone; no bytes are copied. */
export function singlesOf(pieces: readonly Piece[]): Piece[] {
  return pieces.flatMap(({ bytes, ends }) =>
    ends.map((end, i) => ({
      bytes: bytes.subarray(i === 0 ? 0 : ends[i - 1], end),
      ends: [end - (i === 0 ? 0 : (ends[i - 1] as number))],
    })),
  )
}

/** An action and a document of our own making. */
export function pieceOf(action: object, doc: object): Piece {
  const bytes = Buffer.from(`${JSON.stringify(action)}\n${JSON.stringify(doc)}\n`)
  return { bytes, ends: [bytes.length] }
}

export type Bodies = ReturnType<typeof openBodies>

/** Memory of request bodies, used again: some MB a request would keep the garbage collector busy. */
export function openBodies() {
  const free: Buffer[] = []
  return {
    take(pieces: readonly Piece[]) {
      const size = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0)
      const last = free.pop()
      const whole =
        last && last.length >= size ? last : Buffer.allocUnsafeSlow(Math.ceil(size * 1.25))
      let at = 0
      for (const { bytes } of pieces) {
        whole.set(bytes, at)
        at += bytes.length
      }
      return {
        bytes: whole.subarray(0, size),
        /** Only once it is answered: one that failed may still be on its way. */
        giveBack: () => void free.push(whole),
      }
    },
  }
}
