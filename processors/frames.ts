import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'

/*
 * Several texts as one value, each compressed alone, so that whoever writes it again compresses anew only what changed:
 * four bytes that tell it from a Zstandard frame, then of each its length and its bytes.
 */
const magic = Buffer.from('mst3')
const lengthBytes = 4

export function compressed(text: string): Uint8Array {
  return zstdCompressSync(text)
}

/** `frames`: each made by {@link compressed}. */
export function joinFrames(frames: readonly Uint8Array[]): Uint8Array {
  const parts = frames.flatMap((frame) => {
    const length = Buffer.alloc(lengthBytes)
    length.writeUInt32LE(frame.length)
    return [length, frame]
  })
  return new Uint8Array(Buffer.concat([magic, ...parts]))
}

/** The texts of {@link joinFrames}; also that of one frame alone. Throws where it is neither, or damaged. */
export function readFrames(value: Uint8Array): string[] {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (!bytes.subarray(0, magic.length).equals(magic)) return [textOf(bytes)]
  const texts: string[] = []
  for (let at = magic.length; at < bytes.length;) {
    const end = at + lengthBytes + bytes.readUInt32LE(at)
    if (end > bytes.length) throw new RangeError('a frame is cut off')
    texts.push(textOf(bytes.subarray(at + lengthBytes, end)))
    at = end
  }
  return texts
}

function textOf(frame: Uint8Array): string {
  return zstdDecompressSync(frame).toString('utf8')
}
